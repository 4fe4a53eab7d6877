package nomad

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/tree"
	"seatrial/internal/procs"
)

// maxStrays bounds what an app that writes without end can make us remember.
const maxStrays = 10_000

// view is a task's own files, looked at through one of its processes.
type view struct {
	proc   procs.Proc // through which it is looked at
	root   string     // on this machine
	seen   string     // as the app sees it
	since  time.Time  // when the task was started
	except []string   // as seen from root: volumes, and what is temporary
}

// Strays implements app.Strays, while the app runs: what was written since a task was
// started, in its own folders and in the rest of what it sees as its root. Files that
// Nomad laid there were older. A task of raw_exec sees the whole machine: of it, only
// its own folder is looked at. What a stopped app wrote is gone with its allocation, so
// for it there is nothing to say, and neither is for a driver whose processes are not
// seen on this machine.
func (a *App) Strays(ctx context.Context) ([]app.Stray, error) {
	d, up := a.state()
	if d == nil {
		return nil, errors.New("cannot look for stray files: nothing is deployed")
	}
	if up == nil {
		return nil, nil
	}
	views, err := a.views(ctx, up)
	if err != nil {
		return nil, err
	}
	found := map[string]app.Stray{}
	for _, v := range views {
		if err := v.strays(ctx, found); err != nil {
			return nil, fmt.Errorf("cannot look for stray files: %w", err)
		}
	}
	return slices.SortedFunc(maps.Values(found), func(x, y app.Stray) int { return strings.Compare(x.Path, y.Path) }), nil
}

// temporaryFolders are folders that are not the app's to keep anything in, and Nomad's own.
var temporaryFolders = []string{"run", "var/run", "dev", "proc", "sys", "secrets", "alloc/logs", "alloc/container", "private", "executor.out"}

// fleetingFolders are temporary ones in which an app may believe to keep a database.
var fleetingFolders = []string{"tmp", "var/tmp", "alloc/tmp"}

// views are the ways into the files of the app's tasks, one a task.
func (a *App) views(ctx context.Context, up *instance) ([]view, error) {
	own, err := a.allocations(ctx, up)
	if err != nil {
		return nil, err
	}
	boot, err := bootTime()
	if err != nil {
		return nil, err
	}
	var views []view
	for _, s := range own {
		for _, t := range tasksOf(up.deployed, s.TaskGroup) {
			all := processesOf(s.ID, t.Name)
			if len(all) == 0 {
				continue
			}
			v := view{proc: all[0], root: fmt.Sprintf("/proc/%d/root", all[0].PID), seen: "/", since: boot.Add(ticks(all[0].Start)).Add(-clockTick), except: temporaryFolders}
			if sameRoot(all[0].PID) {
				own := taskFolder(all[0].PID, s.ID)
				if own == "" {
					continue
				}
				v.root, v.seen = own, own
			}
			for _, m := range t.VolumeMounts {
				v.except = append(slices.Clone(v.except), strings.TrimPrefix(path.Clean(value(m.Destination)), "/"))
			}
			views = append(views, v)
		}
	}
	return views, nil
}

// sameRoot says that a process sees the same root as we do.
func sameRoot(pid int) bool {
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/root/", pid))
	ours, err2 := os.Stat("/")
	return err == nil && err2 == nil && os.SameFile(theirs, ours)
}

// taskFolder is the folder that Nomad gave to a task which sees the whole machine.
func taskFolder(pid int, allocation string) string {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	for entry := range strings.SplitSeq(string(environ), "\x00") {
		if dir, ok := strings.CutPrefix(entry, "NOMAD_TASK_DIR="); ok && strings.Contains(dir, "/"+allocation+"/") {
			return path.Dir(path.Clean(dir))
		}
	}
	return ""
}

// clockTick is how far a file's time may lag behind the clock: the kernel stamps files with
// its last tick.
const clockTick = 20 * time.Millisecond

const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Go runs on

func ticks(n uint64) time.Duration { return time.Duration(n) * (time.Second / ticksPerSecond) }

// bootTime is when this machine was started, as processes' start times count.
func bootTime() (time.Time, error) {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return time.Time{}, fmt.Errorf("cannot tell the time: %w", err)
	}
	return time.Now().Add(-time.Duration(since.Nano())), nil
}

// open opens the view's root, if the process is still the one that it was: its number
// may have become another's, who sees more.
func (v view) open() (*os.File, error) {
	f, err := os.Open(v.root)
	if err != nil {
		return nil, err
	}
	if now, ok := procs.Read(v.proc.PID); !ok || now.Start != v.proc.Start || now.State == 'Z' {
		f.Close()
		return nil, fs.ErrNotExist
	}
	return f, nil
}

// strays adds what was written in a view. What cannot be read cannot be told; the app
// may also have removed it, or have ended.
func (v view) strays(ctx context.Context, found map[string]app.Stray) error {
	dir, err := v.open()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return tree.Walk(dir, func(e tree.Entry, err error) error {
		folder := err == nil && e.Kind() == unix.S_IFDIR
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return nil
		case slices.Contains(v.except, e.Path) && folder:
			return fs.SkipDir
		case folder, slices.Contains(v.except, e.Path):
			return nil
		case len(found) == maxStrays:
			return fs.SkipAll
		}
		fleeting := slices.ContainsFunc(fleetingFolders, func(dir string) bool { return strings.HasPrefix(e.Path, dir+"/") })
		if v.isNew(e.Stat) {
			s := app.Stray{Path: path.Join(v.seen, e.Path), Size: e.Stat.Size, Database: e.Kind() == unix.S_IFREG && inside.IsSQLite(e), Fleeting: fleeting}
			if s.Database || !fleeting {
				found[s.Path] = s
			}
		}
		return nil
	})
}

// isNew says that a file was written since the task was started. The inode's own time
// also changes where Nomad links a file of the node into another task's root.
func (v view) isNew(stat unix.Stat_t) bool {
	return time.Unix(stat.Mtim.Unix()).After(v.since) || stat.Nlink == 1 && time.Unix(stat.Ctim.Unix()).After(v.since)
}
