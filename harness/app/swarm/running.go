package swarm

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

// Running implements app.Lifecycle. Three things must agree with the newest release: the
// mark that each service's spec carries, which a rollback takes back; the image, by its
// digest, of each container; and the main service's version label. A program that runs
// out of a volume must not be an older release's.
func (a *App) Running(ctx context.Context) (app.Release, error) {
	if err := a.Alive(ctx); err != nil {
		return app.Release{}, err
	}
	d, stopped := a.state()
	if d == nil || stopped {
		return app.Release{}, app.ErrNotRunning
	}
	all, err := a.survey(ctx)
	if err != nil {
		return app.Release{}, err
	}
	for _, s := range d.recipe.Services {
		i := slices.IndexFunc(all, func(st standing) bool { return st.name == s.Name })
		if i < 0 {
			return app.Release{}, &app.Fault{Summary: fmt.Sprintf("of %s, the service %s does not run", d.release.Name, s.Name)}
		}
		if err := a.isOf(ctx, d, all[i]); err != nil {
			return app.Release{}, err
		}
	}
	label := "coop-cloud." + a.cfg.Label + ".version"
	for _, st := range all {
		if got := st.Spec.Labels[label]; st.name == d.recipe.Main && got != d.recipe.Version {
			return app.Release{}, &app.Fault{Summary: fmt.Sprintf("the version label of %s says %q, not %q", st.name, got, d.recipe.Version)}
		}
	}
	return d.release, a.programs(ctx, d)
}

// isOf says whether a service, and each task of it that runs, is of a release.
func (a *App) isOf(ctx context.Context, d *deployed, s standing) error {
	if got := s.Spec.Labels[labelRelease]; got != d.serial {
		return &app.Fault{
			Summary:  fmt.Sprintf("%s runs as %s, not as %s", s.name, a.nameOf(got), d.release.Name),
			Evidence: []string{"image: " + s.Spec.TaskTemplate.ContainerSpec.Image, updateText(s)},
			Hint:     "the swarm turned the update back",
		}
	}
	if s.up < s.want && s.done < s.want {
		return fmt.Errorf("cannot say what runs: %s", s.stands())
	}
	for _, t := range s.tasks {
		if t.Status.ContainerStatus == nil || string(t.Status.State) != "running" || string(t.DesiredState) != "running" {
			continue
		}
		if !sameTask(t.Spec, s.Spec.TaskTemplate) {
			return &app.Fault{Summary: fmt.Sprintf("%s still runs %s", s.name, t.Spec.ContainerSpec.Image), Evidence: []string{"wanted: " + s.Spec.TaskTemplate.ContainerSpec.Image}}
		}
		c, err := a.inspect(ctx, t.Status.ContainerStatus.ContainerID)
		if err != nil {
			return fmt.Errorf("cannot ask what runs: %w", err)
		}
		image, err := a.cfg.Engine.ImageInspect(ctx, s.Spec.TaskTemplate.ContainerSpec.Image)
		if err != nil {
			return fmt.Errorf("cannot ask what runs: %w", err)
		}
		if c.Image != image.ID {
			return &app.Fault{Summary: fmt.Sprintf("%s runs another image than %s", s.name, s.Spec.TaskTemplate.ContainerSpec.Image), Evidence: []string{"runs: " + c.Image, "wanted: " + image.ID}}
		}
		a.say("%s runs %s, image %s", s.name, s.Spec.TaskTemplate.ContainerSpec.Image, short(c.Image))
	}
	return nil
}

func updateText(s standing) string {
	if s.UpdateStatus == nil {
		return "the swarm tells of no update"
	}
	return "update: " + string(s.UpdateStatus.State) + ": " + s.UpdateStatus.Message
}

// nameOf is the release that a service's mark means.
func (a *App) nameOf(serial string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.history {
		if d.serial == serial {
			return d.release.Name
		}
	}
	return "another release"
}

func short(id string) string {
	const enough = len("sha256:") + 12
	return id[:min(enough, len(id))]
}

// notePrograms remembers what the main service executes out of its image, so that it is
// known again where a volume has kept it.
func (a *App) notePrograms(ctx context.Context, d *deployed) {
	for _, p := range a.mainPrograms(ctx) {
		if p.volume == "" {
			d.programs[p.hash] = true
		}
	}
}

// programs looks at what the main service executes out of volumes.
func (a *App) programs(ctx context.Context, d *deployed) error {
	a.mu.Lock()
	history := slices.Clone(a.history)
	a.mu.Unlock()
	for _, p := range a.mainPrograms(ctx) {
		if p.volume == "" || d.programs[p.hash] {
			continue
		}
		for _, older := range slices.Backward(history) {
			if older != d && older.programs[p.hash] && older.release.Tree+older.release.Name != d.release.Tree+d.release.Name {
				return &app.Fault{
					Summary:  fmt.Sprintf("%s still runs the program of %s, out of the volume %s", d.recipe.Main, older.release.Name, p.volume),
					Evidence: []string{p.path},
					Hint:     "a volume outlives an upgrade: start the program from the image",
				}
			}
		}
	}
	return nil
}

// program is what a process executes.
type program struct {
	path, volume string
	hash         inside.Digest
}

// mostPrograms bounds how many processes are looked at.
const mostPrograms = 20

func (a *App) mainPrograms(ctx context.Context) []program {
	id, err := a.containerOf(ctx, "")
	if err != nil {
		return nil
	}
	c, err := a.inspect(ctx, id)
	if err != nil {
		return nil
	}
	top, err := a.cfg.Engine.ContainerTop(ctx, id, client.ContainerTopOptions{Arguments: []string{"-eo", "pid,comm"}})
	if err != nil {
		return nil
	}
	var found []program
	for _, row := range top.Processes[:min(len(top.Processes), mostPrograms)] {
		link := "/proc/" + row[0] + "/exe"
		name, err := os.Readlink(link)
		if err != nil {
			continue // it ended in the meantime
		}
		name = strings.TrimSuffix(name, " (deleted)")
		f, err := os.Open(link)
		if err != nil {
			continue
		}
		hash, _, err := inside.HashFile(f)
		f.Close()
		if err == nil {
			found = append(found, program{name, volumeAt(c.Mounts, name), hash})
		}
	}
	return found
}

// volumeAt is the volume that a path of a container lies in; empty for none.
func volumeAt(mounts []container.MountPoint, name string) string {
	for _, m := range mounts {
		if m.Type == "volume" && strings.HasPrefix(path.Clean(name), strings.TrimSuffix(m.Destination, "/")+"/") {
			return m.Name
		}
	}
	return ""
}
