package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/harness/tree"
	"seatrial/internal/procs"
)

// killLimit is how long processes may take to be gone after SIGKILL.
const killLimit = 10 * time.Second

// ours says whether labels name this very run and attempt.
func (a *App) ours(l run.Labels) bool {
	return l.Run == a.cfg.Labels.Run && l.Attempt == a.cfg.Labels.Attempt && l.Instance == a.cfg.Labels.Instance
}

// ownProcesses lists what carries the run's marks, except our own supervisors,
// which end by themselves.
func (a *App) ownProcesses() []procs.Proc {
	keep := map[int]bool{}
	a.mu.Lock()
	for _, s := range a.supervisors() {
		keep[s.pid] = true
		keep[s.cmd.Process.Pid] = true
		for _, p := range procs.Descendants(s.pid) {
			keep[p.PID] = true
		}
	}
	a.mu.Unlock()
	return slices.DeleteFunc(marked(func(environ []byte) bool {
		l, _, ok := readMarkers(environ)
		return ok && a.ours(l)
	}), func(p procs.Proc) bool { return keep[p.PID] })
}

func (a *App) supervisors() []*supervisor {
	var list []*supervisor
	if a.tools != nil {
		list = append(list, a.tools)
	}
	return list
}

// killOwn kills what carries the run's marks and belongs to no supervisor.
func (a *App) killOwn() []procs.Proc { return killAll(a.ownProcesses, killLimit) }

func (a *App) Destroy(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	if in := a.instance(); in != nil {
		in.close()
	}
	a.closeTools()
	var errs error
	if left := a.killOwn(); len(left) > 0 {
		errs = fmt.Errorf("cannot end %s", strings.Join(procs.CommandLines(left), " and "))
	}
	a.noteUsage()
	for _, name := range listGroups() {
		if l, ok := parseGroup(name); ok && a.ours(l) {
			errs = errors.Join(errs, removeGroup(name))
		}
	}
	for _, dir := range []string{a.dir, a.halfMade()} {
		if err := tree.Remove(dir); err != nil {
			errs = errors.Join(errs, fmt.Errorf("cannot remove the app's folder: %w", err))
		}
	}
	a.forget()
	a.mu.Lock()
	a.up, a.current, a.history = nil, nil, nil
	a.groups = map[string]*group{}
	a.mu.Unlock()
	if errs != nil {
		return fmt.Errorf("cannot destroy the app: %w", errs)
	}
	return nil
}

func (a *App) Inventory(ctx context.Context) ([]app.Object, error) {
	all, err := NewPlace(a.cfg.WorkRoot, a.cfg.Labels.Instance).Objects(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o app.Object) bool { return !a.ours(o.Labels) }), nil
}
