package process

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/app/loaded"
	"seatrial/internal/procs"
)

// Running implements app.Lifecycle. It looks at what the processes of every service
// execute and load, not at what they were asked to. We have started the newest release's
// Procfile in the release's own folder, with empty homes and temporary folders: so that is
// what runs, unless code comes out of a volume, or has an older release's content.
func (a *App) Running(ctx context.Context) (app.Release, error) {
	if err := a.Alive(ctx); err != nil {
		return app.Release{}, err
	}
	in := a.instance()
	if in == nil {
		return app.Release{}, app.ErrNotRunning
	}
	a.mu.Lock()
	head, history, before, watch := a.current, slices.Clone(a.history), a.before, a.watch
	a.mu.Unlock()
	watch.Close()
	judge, err := a.judge(head, history)
	if err != nil {
		return app.Release{}, fmt.Errorf("cannot find out what runs: %w", err)
	}
	judge.Volumes, judge.Watch = append(judge.Volumes, before...), watch
	unproven := ""
	for _, s := range in.services {
		all := in.ofService(s.name)
		if len(all) == 0 {
			return app.Release{}, app.ErrNotRunning
		}
		for _, p := range all {
			found, err := judge.Process(ctx, p)
			if err != nil {
				return app.Release{}, fmt.Errorf("cannot find out what runs: %w", err)
			}
			for _, f := range found {
				if f.Old() {
					return app.Release{}, &app.Fault{
						Summary:  fmt.Sprintf("%s runs %s, which is %s of release %s, not of %s", s.name, f.File, f.Original, f.Release, head.release.Name),
						Evidence: procs.CommandLines(all),
						Hint:     "let the Procfile start the program from the release's own folder, where each release brings its own",
					}
				}
				unproven = cmp.Or(unproven, f.Unproven(s.name))
			}
		}
	}
	if unproven == "" {
		f, err := judge.Opened(ctx)
		if err != nil {
			return app.Release{}, fmt.Errorf("cannot find out what runs: %w", err)
		}
		if f != nil {
			unproven = f.Unproven("the app")
		}
	}
	if unproven != "" {
		return app.Release{}, fmt.Errorf("nothing proves that %s is what runs: %s", head.release.Name, unproven)
	}
	return head.release, nil
}

// judge knows the releases that were deployed. Where the app sees the whole machine, the
// folders of the older ones are there as well.
func (a *App) judge(head *deployed, history []*deployed) (*loaded.Judge, error) {
	files, err := inside.IndexContents(a.path(head.pristine))
	if err != nil {
		return nil, err
	}
	j := &loaded.Judge{Head: loaded.Release{Name: head.release.Name, Files: files}, Others: a.ofSystem}
	for _, d := range slices.Backward(history) {
		if d == head {
			continue
		}
		if !a.cfg.Isolate {
			before, err := loaded.ReadManifest(a.path(d.dir))
			if err != nil {
				return nil, err
			}
			j.Volumes = append(j.Volumes, loaded.Volume{Name: "the folder of release " + d.release.Name, Seen: a.see(d.dir), Dir: a.path(d.dir), Before: before})
		}
		if d.pristine == head.pristine {
			continue
		}
		if files, err = inside.IndexContents(a.path(d.pristine)); err != nil {
			return nil, err
		}
		j.Older = append(j.Older, loaded.Release{Name: d.release.Name, Files: files})
	}
	return j, nil
}

// remember notes what lies in the volumes before a release is brought up, and watches what
// of it is opened.
func (a *App) remember() error {
	var volumes []loaded.Volume
	for _, name := range a.cfg.Enrolment.Volumes {
		before, err := loaded.ReadManifest(a.volumeDir(name))
		if err != nil {
			return fmt.Errorf("cannot list what lies in the volume %s: %w", name, err)
		}
		volumes = append(volumes, loaded.Volume{Name: "the volume " + name, Seen: a.see("volumes/" + name), Dir: a.volumeDir(name), Before: before})
	}
	watch, err := loaded.NewWatch(volumes)
	if err != nil {
		return err
	}
	a.forget()
	a.mu.Lock()
	a.before, a.watch = volumes, watch
	a.mu.Unlock()
	return nil
}

func (a *App) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watch.Close()
	a.before, a.watch = nil, nil
}

// ofService lists a service's processes: its main one, what descends from it, and
// what carries its mark but has lost its parents.
func (in *instance) ofService(name string) []procs.Proc {
	var main *service
	for _, s := range in.services {
		if s.name == name {
			main = s
		}
	}
	if main == nil {
		return nil
	}
	var found []procs.Proc
	member := map[int]bool{}
	for _, p := range procs.Descendants(in.supervisor.pid) { // parents before children
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
		_, service, _ := readMarkers(environ)
		if member[p.Parent] || service == name || p.InnerPID() == main.task.pid {
			member[p.PID] = true
			found = append(found, p)
		}
	}
	return found
}

// ofSystem says that a file is this machine's and not the app's.
func (a *App) ofSystem(name string) bool {
	places := []string{"volumes/", "home", "tmp", "build-home", "build-tmp"}
	if !a.cfg.Isolate {
		return !strings.HasPrefix(name, a.dir+"/") && !strings.HasPrefix(name, os.TempDir()+"/")
	}
	for _, place := range places {
		if strings.HasPrefix(name, filepath.Clean(a.see(place))+"/") {
			return false
		}
	}
	return !strings.HasPrefix(name, insideApp+"/") && !strings.HasPrefix(name, insideVolumes+"/") && !strings.HasPrefix(name, "/dev/shm/")
}
