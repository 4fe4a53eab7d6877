package nomad

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/cluster"
	"seatrial/internal/procs"
)

// Running implements app.Lifecycle. The job that an allocation was made from carries
// its release's name; and a program that a process of the main task executes, if it
// lies in a volume, must be one of the release's files, not an older release's. What a
// container's image holds is taken at the word of the job; so is a script.
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
		if s.TaskGroup != d.main.group {
			continue
		}
		if err := a.programs(d, s.ID); err != nil {
			return app.Release{}, err
		}
	}
	return d.release, nil
}

// programs looks at what the main task of an allocation executes out of volumes.
func (a *App) programs(d *deployed, allocation string) error {
	a.mu.Lock()
	history := slices.Clone(a.history)
	a.mu.Unlock()
	all := processesOf(allocation, d.main.task)
	for _, p := range all {
		link := fmt.Sprintf("/proc/%d/exe", p.PID)
		name, err := os.Readlink(link)
		if err != nil {
			continue // it ended in the meantime
		}
		volume := d.volumeAt(strings.TrimSuffix(name, " (deleted)"))
		if volume == "" {
			continue
		}
		f, err := os.Open(link)
		if err != nil {
			continue
		}
		sum, size, err := inside.HashFile(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("cannot find out what runs: %w", err)
		}
		release, original, err := whose(d, history, sum, size)
		switch {
		case err != nil:
			return fmt.Errorf("cannot find out what runs: %w", err)
		case release == d:
		case release != nil:
			return &app.Fault{
				Summary:  fmt.Sprintf("%s runs %s, which is %s of release %s, not of %s", d.main.task, name, original, release.release.Name, d.release.Name),
				Evidence: procs.CommandLines(all),
				Hint:     "let the task start the program from the release volume, or from the image, where each release brings its own",
			}
		case d.files != "" && volume != releaseVolume:
			return &app.Fault{
				Summary:  fmt.Sprintf("%s runs %s, which belongs to no release that was deployed", d.main.task, name),
				Evidence: procs.CommandLines(all),
				Hint:     "let the task start a program of the release's own",
			}
		}
	}
	return nil
}

// volumeAt is the volume in which the app sees a file, or nothing.
func (d *deployed) volumeAt(file string) string {
	for volume, dir := range d.mounts {
		if _, ok := below(dir, file); ok {
			return volume
		}
	}
	return ""
}

// whose looks for a content among the releases' files, the head's first.
func whose(head *deployed, history []*deployed, sum inside.Digest, size int64) (of *deployed, name string, err error) {
	slices.Reverse(history)
	for _, d := range append([]*deployed{head}, history...) {
		if d.files == "" {
			continue
		}
		contents, err := inside.IndexContents(d.files)
		if err != nil {
			return nil, "", err
		}
		if name, ok := contents.Find(sum, size); ok {
			return d, name, nil
		}
	}
	return nil, "", nil
}
