package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/harness/tree"
	"seatrial/internal/procs"
)

// The kinds of objects.
const (
	KindFolder  = "folder"
	KindProcess = "process"
	KindCgroup  = "cgroup"
)

// Place is a machine on which apps are deployed, as the janitor sees it. It
// implements app.Place.
type Place struct {
	workRoot string
	instance string
}

// NewPlace looks at the folders in workRoot, and at all processes and cgroups of
// this machine. A folder in workRoot whose labels cannot be read counts as the
// given instance's, with no expiry.
func NewPlace(workRoot, instance string) app.Place {
	return &Place{workRoot: workRoot, instance: instance}
}

// Objects implements app.Place.
func (p *Place) Objects(ctx context.Context) ([]app.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	objects, err := p.folders()
	if err != nil {
		return nil, fmt.Errorf("cannot list the folders of apps: %w", err)
	}
	for _, name := range listGroups() {
		l, _ := parseGroup(name)
		objects = append(objects, app.Object{Kind: KindCgroup, ID: name, Labels: l})
	}
	for _, p := range procs.All() {
		if l, ok := labelsOf(p); ok {
			objects = append(objects, app.Object{
				Kind:   KindProcess,
				ID:     fmt.Sprintf("%d:%d", p.PID, p.Start),
				Detail: p.CommandLine(),
				Labels: l,
			})
		}
	}
	return objects, nil
}

func (p *Place) folders() ([]app.Object, error) {
	entries, err := os.ReadDir(p.workRoot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var objects []app.Object
	for _, entry := range entries {
		l, ok := parseFolder(entry.Name())
		if !ok || !entry.IsDir() {
			continue
		}
		o := app.Object{Kind: KindFolder, ID: filepath.Join(p.workRoot, entry.Name()), Labels: l}
		if written, err := readLabels(o.ID); err != nil {
			o.Labels.Instance = p.instance
			o.Detail = "its labels cannot be read: " + err.Error()
		} else if written.Run != l.Run || written.Attempt != l.Attempt {
			o.Labels.Instance = p.instance
			o.Detail = "its labels name another run"
		} else {
			o.Labels = written
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func readLabels(dir string) (run.Labels, error) {
	content, err := os.ReadFile(filepath.Join(dir, labelsFile))
	if err != nil {
		return run.Labels{}, err
	}
	var l run.Labels
	return l, json.Unmarshal(content, &l)
}

// labelsOf tells whose a process is: by its cgroup, which it cannot leave, else by
// the marks in its environment.
func labelsOf(p procs.Proc) (run.Labels, bool) {
	if p.Dead() || p.PID == os.Getpid() {
		return run.Labels{}, false
	}
	groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.PID))
	for line := range bytes.SplitSeq(groups, []byte("\n")) {
		for name := range strings.SplitSeq(string(line), "/") {
			if l, ok := parseGroup(name); ok {
				return l, true
			}
		}
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
	if err != nil {
		return run.Labels{}, false
	}
	l, _, ok := readMarkers(environ)
	return l, ok
}

// Remove implements app.Place.
func (p *Place) Remove(ctx context.Context, o app.Object) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch o.Kind {
	case KindFolder:
		return p.removeFolder(o.ID)
	case KindCgroup:
		return removeGroup(o.ID)
	case KindProcess:
		return removeProcess(o.ID)
	default:
		return fmt.Errorf("cannot remove the %s %s: things of this kind are not made here", o.Kind, o.ID)
	}
}

// removeFolder removes nothing that is not a run's folder right below workRoot.
func (p *Place) removeFolder(dir string) error {
	root, err := filepath.Abs(p.workRoot)
	if err != nil {
		return err
	}
	name := filepath.Base(dir)
	given, err := filepath.Abs(filepath.Dir(dir))
	if err != nil {
		return err
	}
	if _, ok := parseFolder(name); !ok || given != root {
		return fmt.Errorf("cannot remove the folder %s: it is not one of a run's in %s", dir, root)
	}
	if err := tree.Remove(filepath.Join(root, name)); err != nil {
		return fmt.Errorf("cannot remove the folder %s: %w", dir, err)
	}
	return nil
}

func removeProcess(id string) error {
	number, started, _ := strings.Cut(id, ":")
	pid, err1 := strconv.Atoi(number)
	start, err2 := strconv.ParseUint(started, 10, 64)
	if err := errors.Join(err1, err2); err != nil || pid <= 1 {
		return fmt.Errorf("cannot end the process %q: this names none", id)
	}
	wanted := procs.Proc{PID: pid, Start: start}
	if _, ok := labelsOf(wanted); !ok {
		if now, there := procs.Read(pid); there && now.Start == start && !now.Dead() {
			return fmt.Errorf("cannot end the process %s: it is not one of a run's", id)
		}
		return nil
	}
	const limit, again = 5 * time.Second, 10 * time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(again) {
		now, there := procs.Read(pid)
		if !there || now.Start != start || now.Dead() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cannot end the process %s: it outlives SIGKILL", id)
		}
		if err := wanted.Signal(unix.SIGKILL); err != nil {
			return err
		}
	}
}

func sortStrays(strays []app.Stray) {
	slices.SortFunc(strays, func(a, b app.Stray) int { return strings.Compare(a.Path, b.Path) })
}
