package nomad

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/app/loaded"
	"seatrial/harness/cluster"
	"seatrial/internal/procs"
)

// Running implements app.Lifecycle. The job that an allocation was made from carries
// its release's name; and what the processes of every task execute and load must not have
// lain in a volume before, which proves nothing, and not be an older release's. What a
// container's image holds is taken at the word of the job.
func (a *App) Running(ctx context.Context) (app.Release, error) {
	if err := a.Alive(ctx); err != nil {
		return app.Release{}, err
	}
	d, up := a.state()
	if up == nil {
		return app.Release{}, app.ErrNotRunning
	}
	own, err := a.allocations(ctx, up)
	if err != nil {
		return app.Release{}, err
	}
	judge, err := a.judge(d)
	if err != nil {
		return app.Release{}, fmt.Errorf("cannot find out what runs: %w", err)
	}
	unproven := ""
	for _, s := range own {
		if endedStatus(s) {
			continue
		}
		alloc, _, err := a.cfg.Client.Allocations().Info(s.ID, a.query(ctx))
		if err != nil {
			return app.Release{}, cluster.Explain("ask what runs", err)
		}
		if of := alloc.Job.Meta[metaSerial]; of != d.job.Meta[metaSerial] {
			return app.Release{}, &app.Fault{Summary: fmt.Sprintf("allocation %s runs %s, not %s", short(s.ID), cmp.Or(alloc.Job.Meta[metaName], "another job"), d.release.Name)}
		}
		one, err := a.programs(ctx, judge, d, s)
		if err != nil {
			return app.Release{}, err
		}
		unproven = cmp.Or(unproven, one)
	}
	if unproven != "" {
		return app.Release{}, fmt.Errorf("nothing proves that %s is what runs: %s", d.release.Name, unproven)
	}
	return d.release, nil
}

// judge knows what there was before, and what is known of the releases' files.
func (a *App) judge(d *deployed) (*loaded.Judge, error) {
	a.mu.Lock()
	history := slices.Clone(a.history)
	a.mu.Unlock()
	j := &loaded.Judge{Head: loaded.Release{Name: d.release.Name}, Others: func(string) bool { return true }}
	for _, r := range slices.Backward(history) {
		if r.files == "" {
			continue
		}
		files, err := inside.IndexContents(r.files)
		if err != nil {
			return nil, err
		}
		if r == d {
			j.Head.Files = files
		} else {
			j.Older = append(j.Older, loaded.Release{Name: r.release.Name, Files: files})
		}
	}
	return j, nil
}

// volumes are those of the app, as a task sees them.
func (d *deployed) volumes(task spot) (volumes []loaded.Volume) {
	for name, seen := range d.seen[task] {
		if name != releaseVolume {
			volumes = append(volumes, loaded.Volume{Name: "the volume " + name, Seen: seen, Dir: d.dirs[name], Before: d.before[name]})
		}
	}
	return volumes
}

// remember notes what lies in the volumes before a release is brought up.
func (d *deployed) remember(volumes []string) error {
	d.before = map[string]loaded.Manifest{}
	for _, name := range volumes {
		before, err := loaded.ReadManifest(d.dirs[name])
		if err != nil {
			return fmt.Errorf("cannot list what lies in the volume %s: %w", name, err)
		}
		d.before[name] = before
	}
	return nil
}

// programs looks at what the tasks of an allocation execute and load out of volumes: an
// older release's is a fault, and so is nothing else.
func (a *App) programs(ctx context.Context, j *loaded.Judge, d *deployed, s *api.AllocationListStub) (unproven string, err error) {
	for task := range d.seen {
		if task.group != s.TaskGroup {
			continue
		}
		j.Volumes = d.volumes(task)
		all := processesOf(s.ID, task.task)
		for _, p := range all {
			found, err := j.Process(ctx, p)
			if err != nil {
				return "", fmt.Errorf("cannot find out what runs: %w", err)
			}
			for _, f := range found {
				if f.Old() {
					return "", &app.Fault{
						Summary:  fmt.Sprintf("%s runs %s, which is %s of release %s, not of %s", task.task, f.File, f.Original, f.Release, d.release.Name),
						Evidence: procs.CommandLines(all),
						Hint:     "let the task start the program from the release volume, or from the image, where each release brings its own",
					}
				}
				unproven = f.Unproven(task.task)
			}
		}
	}
	return unproven, nil
}
