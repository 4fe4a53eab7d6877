package swarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/recipes/compose"
)

// Volumes implements app.Storage: the stack's named volumes, the main service's first.
func (a *App) Volumes(context.Context) ([]app.Volume, error) {
	d, _ := a.state()
	if d == nil {
		return nil, errors.New("cannot list the volumes: nothing is deployed")
	}
	var list []app.Volume
	for _, s := range byRank(d.recipe) {
		for _, m := range s.Mounts {
			if v, ok := d.volume(m.Volume); ok && !v.External && !slices.ContainsFunc(list, func(x app.Volume) bool { return x.Name == v.Name }) {
				list = append(list, app.Volume{Name: v.Name, Path: m.Target})
			}
		}
	}
	return list, nil
}

// byRank are a recipe's services, the main one first.
func byRank(r *compose.Recipe) []compose.Service {
	rank := func(s compose.Service) int {
		if s.Name == r.Main {
			return 0
		}
		return 1
	}
	services := slices.Clone(r.Services)
	slices.SortStableFunc(services, func(x, y compose.Service) int { return cmp.Compare(rank(x), rank(y)) })
	return services
}

func (d *deployed) volume(name string) (compose.Volume, bool) {
	i := slices.IndexFunc(d.recipe.Volumes, func(v compose.Volume) bool { return v.Name == name })
	if i < 0 {
		return compose.Volume{}, false
	}
	return d.recipe.Volumes[i], true
}

// folderOf opens a volume where the engine keeps it.
func (a *App) folderOf(ctx context.Context, volume string) (*os.File, error) {
	d, _ := a.state()
	if d == nil {
		return nil, errors.New("nothing is deployed")
	}
	v, ok := d.volume(volume)
	if !ok || v.External {
		return nil, errors.New("the stack has no such volume")
	}
	return a.cfg.Engine.openVolume(ctx, v.Full)
}

// openVolume opens the folder of a volume of the engine's own driver. One that stands for
// something else of this machine is not opened.
func (e *Engine) openVolume(ctx context.Context, full string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := e.VolumeInspect(ctx, full, client.VolumeInspectOptions{})
	if err != nil {
		return nil, err
	}
	v := answer.Volume
	if v.Driver != "local" || len(v.Options) > 0 {
		return nil, fmt.Errorf("it is no plain volume: its driver is %s, with options %v", v.Driver, v.Options)
	}
	return os.Open(v.Mountpoint)
}

func (a *App) Merge(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	return a.AsRoot(ctx, "put back a part of", volume, r, io.Discard, "tar-merge")
}

// within is a path below a folder, as seen from there; ok is false for one outside.
func within(dir, name string) (string, bool) {
	rest, err := filepath.Rel(path.Clean(dir), path.Clean(name))
	return rest, err == nil && filepath.IsLocal(rest) && rest != "."
}
