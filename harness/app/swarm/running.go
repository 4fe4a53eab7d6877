package swarm

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/app/loaded"
	"seatrial/internal/procs"
)

// Running implements app.Lifecycle. Three things must agree with the newest release: the
// mark that each service's spec carries, which a rollback takes back; the image, by its
// digest, of each container; and the main service's version label. What the services execute
// and load must not have lain in a volume before: that proves nothing, and a program that an
// older release had in its image is a fault.
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

// notePrograms remembers what the services execute out of their images, so that it is
// known again where a volume has kept it.
func (a *App) notePrograms(ctx context.Context, d *deployed) {
	list, err := a.containers(ctx)
	if err != nil {
		return
	}
	for _, c := range list {
		volumes, all, err := a.processes(ctx, c.id)
		if err != nil {
			continue // it ended in the meantime
		}
		for _, p := range all {
			if name, hash, ok := executed(p); ok && volumeAt(volumes, name) == "" {
				d.programs[hash] = true
			}
		}
	}
}

// programs looks at what the services execute and load out of volumes.
func (a *App) programs(ctx context.Context, d *deployed) error {
	list, err := a.containers(ctx)
	if err != nil {
		return err
	}
	unproven := ""
	for _, c := range list {
		volumes, all, err := a.processes(ctx, c.id)
		if notFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot ask what runs: %w", err)
		}
		for i := range volumes {
			volumes[i].Before = d.before[volumes[i].Name]
			volumes[i].Name = "the volume " + strings.TrimPrefix(volumes[i].Name, a.cfg.Label+"_")
		}
		judge := &loaded.Judge{Volumes: volumes, Others: func(string) bool { return true }}
		for _, p := range all {
			if err := a.isOlder(d, c.service, volumes, p); err != nil {
				return err
			}
			found, err := judge.Process(ctx, p)
			if err != nil {
				return fmt.Errorf("cannot ask what runs: %w", err)
			}
			for _, f := range found {
				unproven = f.Unproven(c.service)
			}
		}
	}
	if unproven != "" {
		return fmt.Errorf("nothing proves that %s is what runs: %s", d.release.Name, unproven)
	}
	return nil
}

// isOlder says that a process executes, out of a volume, what an older release had in its image.
func (a *App) isOlder(d *deployed, service string, volumes []loaded.Volume, p procs.Proc) error {
	name, hash, ok := executed(p)
	volume := volumeAt(volumes, name)
	if !ok || volume == "" || d.programs[hash] {
		return nil
	}
	a.mu.Lock()
	history := slices.Clone(a.history)
	a.mu.Unlock()
	for _, older := range slices.Backward(history) {
		if older.images[service] == d.images[service] {
			continue // it is the newest release's program as well
		}
		if older != d && older.programs[hash] && older.release.Tree+older.release.Name != d.release.Tree+d.release.Name {
			return &app.Fault{
				Summary:  fmt.Sprintf("%s still runs the program of %s, out of %s", service, older.release.Name, volume),
				Evidence: []string{name},
				Hint:     "a volume outlives an upgrade: start the program from the image",
			}
		}
	}
	return nil
}

// mostPrograms bounds how many processes of a container are looked at.
const mostPrograms = 20

// processes are those of a container, and where it sees which volumes.
func (a *App) processes(ctx context.Context, id string) (volumes []loaded.Volume, all []procs.Proc, err error) {
	c, err := a.inspect(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range c.Mounts {
		if m.Type == "volume" {
			volumes = append(volumes, loaded.Volume{Name: m.Name, Seen: m.Destination, Dir: m.Source})
		}
	}
	top, err := a.cfg.Engine.ContainerTop(ctx, id, client.ContainerTopOptions{Arguments: []string{"-eo", "pid,comm"}})
	if err != nil {
		return nil, nil, err
	}
	for _, row := range top.Processes[:min(len(top.Processes), mostPrograms)] {
		pid, err := strconv.Atoi(row[0])
		if err != nil {
			continue
		}
		if p, ok := procs.Read(pid); ok {
			all = append(all, p)
		}
	}
	return volumes, all, nil
}

// executed is the program of a process.
func executed(p procs.Proc) (name string, hash inside.Digest, ok bool) {
	link := fmt.Sprintf("/proc/%d/exe", p.PID)
	name, err := os.Readlink(link)
	if err != nil {
		return "", inside.Digest{}, false // it ended in the meantime
	}
	f, err := os.Open(link)
	if err != nil {
		return "", inside.Digest{}, false
	}
	defer f.Close()
	hash, _, err = inside.HashFile(f)
	return strings.TrimSuffix(name, " (deleted)"), hash, err == nil
}

// volumeAt is the volume that a path of a container lies in; empty for none.
func volumeAt(volumes []loaded.Volume, name string) string {
	for _, v := range volumes {
		if strings.HasPrefix(path.Clean(name), strings.TrimSuffix(v.Seen, "/")+"/") {
			return v.Name
		}
	}
	return ""
}

// lying is what lies in the volumes of a release.
func (a *App) lying(ctx context.Context, d *deployed) map[string]loaded.Manifest {
	found := map[string]loaded.Manifest{}
	for _, v := range d.recipe.Volumes {
		dir, err := a.cfg.Engine.openVolume(ctx, v.Full)
		if err != nil {
			continue // it is none of the engine's own: what is in it is not known
		}
		if found[v.Full], err = loaded.ReadManifest(dir.Name()); err != nil {
			a.say("cannot list what lies in the volume %s: %v", v.Full, err)
		}
		dir.Close()
	}
	return found
}
