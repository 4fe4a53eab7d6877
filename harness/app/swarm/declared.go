package swarm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"seatrial/harness/app"
	"seatrial/recipes/compose"
)

// Declared implements app.Declarer: what the labels backupbot.* say of the release that
// is deployed.
func (a *App) Declared(context.Context) (app.Backup, error) {
	d, _ := a.state()
	if d == nil {
		return app.Backup{}, errors.New("cannot tell what the recipe backs up: nothing is deployed")
	}
	var b app.Backup
	for _, s := range d.recipe.Services {
		if s.Backup == nil {
			continue
		}
		if outside := s.Backup.Outside; len(outside) > 0 {
			return app.Backup{}, &app.Fault{
				Summary: fmt.Sprintf("%s declares a backup of %s, which lies in no volume: it is gone with the container", s.Name, strings.Join(outside, ", ")),
				Hint:    "mount a volume there, or name a path of one",
			}
		}
		one := app.BackupService{
			Service: s.Name, PreHook: s.Backup.PreHook, PostHook: s.Backup.PostHook,
			RestorePre: s.Backup.RestorePre, RestorePost: s.Backup.RestorePost,
		}
		for _, v := range s.Backup.Volumes {
			one.Volumes = append(one.Volumes, app.BackupVolume{Volume: v.Volume, Paths: v.Paths, Label: declaring(s, v)})
		}
		b.Services = append(b.Services, one)
	}
	return b, nil
}

// declaring is the label that says so about a volume.
func declaring(s compose.Service, v compose.BackupVolume) string {
	const enable, older = "backupbot.backup", "backupbot.backup.path"
	paths := "backupbot.backup.volumes." + v.Volume + ".path"
	for _, label := range []string{paths, older} {
		if s.Labels[label] != "" {
			return label
		}
	}
	return enable
}
