package compose

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The labels of backup-bot-two, and the older ones of backup-bot.
// https://git.coopcloud.tech/coop-cloud/backup-bot-two
const (
	backupEnable  = "backupbot.backup"
	backupVolumes = "backupbot.backup.volumes."
	backupPaths   = "backupbot.backup.path" // older: paths as the service sees them
)

// backup reads what a service's labels say of its backup; nil for one that takes no part.
func (r *reader) backup(s Service) *Backup {
	if !strings.EqualFold(s.Labels[backupEnable], "true") {
		return nil
	}
	b := &Backup{
		PreHook: s.Labels["backupbot.backup.pre-hook"], PostHook: s.Labels["backupbot.backup.post-hook"],
		RestorePre: s.Labels["backupbot.restore.pre-hook"], RestorePost: s.Labels["backupbot.restore.post-hook"],
	}
	if old := s.Labels[backupPaths]; old != "" {
		b.Volumes = r.olderPaths(s, old)
		return b
	}
	for _, m := range s.Mounts {
		label := backupVolumes + m.Volume
		if strings.EqualFold(s.Labels[label], "false") || slices.ContainsFunc(b.Volumes, func(v BackupVolume) bool { return v.Volume == m.Volume }) {
			continue
		}
		v := BackupVolume{Volume: m.Volume}
		for one := range strings.SplitSeq(s.Labels[label+".path"], ",") {
			if one = strings.Trim(strings.TrimSpace(one), "/"); one == "" {
				continue
			}
			if !filepath.IsLocal(one) {
				r.problem(r.recipe.At("services", s.Name, "deploy", "labels", label+".path"), "%s leads out of the volume %s", one, m.Volume)
				continue
			}
			v.Paths = append(v.Paths, path.Clean(one))
		}
		b.Volumes = append(b.Volumes, v)
	}
	for key := range s.Labels {
		name, ok := strings.CutPrefix(key, backupVolumes)
		name = strings.TrimSuffix(name, ".path")
		if ok && !slices.ContainsFunc(s.Mounts, func(m Mount) bool { return m.Volume == name }) {
			r.problem(r.recipe.At("services", s.Name, "deploy", "labels", key), "%s mounts no volume %s, so the label %s backs up nothing", s.Name, name, key)
		}
	}
	return b
}

// olderPaths finds the volumes that paths of the service lie in.
func (r *reader) olderPaths(s Service, listed string) []BackupVolume {
	var volumes []BackupVolume
	for one := range strings.SplitSeq(listed, ",") {
		one = path.Clean(strings.TrimSpace(one))
		volume, rest := "", ""
		longest := -1
		for _, m := range s.Mounts {
			target := path.Clean(m.Target)
			if (one == target || strings.HasPrefix(one, strings.TrimSuffix(target, "/")+"/")) && len(target) > longest {
				longest, volume, rest = len(target), m.Volume, strings.Trim(strings.TrimPrefix(one, target), "/")
			}
		}
		if volume == "" {
			r.problem(r.recipe.At("services", s.Name, "deploy", "labels", backupPaths), "%s lies in no volume of %s: it is gone with the container", one, s.Name)
			continue
		}
		i := slices.IndexFunc(volumes, func(v BackupVolume) bool { return v.Volume == volume })
		switch {
		case i < 0 && rest == "":
			volumes = append(volumes, BackupVolume{Volume: volume})
		case i < 0:
			volumes = append(volumes, BackupVolume{Volume: volume, Paths: []string{rest}})
		case rest == "":
			volumes[i].Paths = nil
		case len(volumes[i].Paths) > 0:
			volumes[i].Paths = append(volumes[i].Paths, rest)
		}
	}
	return volumes
}
