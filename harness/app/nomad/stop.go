package nomad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/internal/procs"
)

// Stop implements app.Lifecycle. The job stays known, stopped. When a task's main
// process ends, Nomad's drivers end at once what it left behind: that is how an app
// stops on this platform, and nobody can tell what would have outlived it. So what
// outlives a stop is a task that had to be killed, or what is left of it afterwards.
func (a *App) Stop(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	_, up := a.state()
	if up == nil {
		return nil
	}
	if err := a.thaw(); err != nil {
		return err
	}
	a.noteHits(ctx, up)
	ended, _ := errors.AsType[*app.Fault](a.Alive(ctx)) // before anything was asked
	if _, _, err := a.cfg.Client.Jobs().Deregister(a.cfg.Label, false, a.write(ctx)); err != nil && !cluster.Is(err, cluster.ErrNotFound) {
		return cluster.Explain("stop the app", err)
	}
	if err := a.awaitEnded(ctx, up); err != nil {
		return err
	}
	a.mu.Lock()
	a.up = nil
	a.mu.Unlock()
	outlived := a.stopFault(ctx, up)
	if ended != nil {
		return ended
	}
	return outlived.OrNil()
}

// endedStatus says that nothing of an allocation runs any more.
func endedStatus(s *api.AllocationListStub) bool {
	switch s.ClientStatus {
	case api.AllocClientStatusComplete, api.AllocClientStatusFailed, api.AllocClientStatusLost:
		return true
	}
	return false
}

// awaitEnded waits until every allocation of an instance has ended.
func (a *App) awaitEnded(ctx context.Context, in *instance) error {
	limit := 2*time.Duration(a.cfg.Enrolment.Timeouts.Stop) + killSlack
	return await(ctx, limit, "the app to stop", func() (string, error) {
		own, err := a.allocations(ctx, in)
		if err != nil {
			return "", err
		}
		for _, s := range own {
			if !endedStatus(s) {
				return fmt.Sprintf("allocation %s is %s", short(s.ID), s.ClientStatus), nil
			}
		}
		return "", nil
	})
}

// stopFault says what outlived a stop, and ends what is left.
func (a *App) stopFault(ctx context.Context, in *instance) *app.Fault {
	own, err := a.allocations(ctx, in)
	if err != nil {
		return nil
	}
	var stubborn, left []string
	f := &app.Fault{}
	for _, s := range own {
		for _, t := range tasksOf(in.deployed, s.TaskGroup) {
			if !killed(s.TaskStates[t.Name]) {
				continue
			}
			stubborn = append(stubborn, fmt.Sprintf("%s did not stop within %v of %s", t.Name, value(t.KillTimeout), signalOf(t)))
			f.Evidence = append(f.Evidence, a.tail(ctx, s.ID, t.Name)...)
		}
		all := processesOf(s.ID, "")
		left = append(left, procs.CommandLines(all)...)
		for _, p := range all {
			_ = p.Signal(unix.SIGKILL)
		}
	}
	switch {
	case len(stubborn) > 0:
		f.Summary = strings.Join(stubborn, " and ") + ", and had to be killed"
		f.Hint = "end on the signal that the task is sent (kill_signal), or ask the operator to raise timeouts.stop in the enrolment"
		if len(f.Evidence) == 0 {
			f.Evidence = slices.Clone(stubborn)
		}
	case len(left) > 0:
		f.Summary = "the app's own stop was outlived by " + strings.Join(left, " and ") + ", which had to be killed"
		f.Hint, f.Evidence = "let the task wait for what it starts, and end it on SIGTERM", left
	default:
		return nil
	}
	return f
}

// killed says that a task was asked to stop and ended by SIGKILL.
func killed(state *api.TaskState) bool {
	if state == nil {
		return false
	}
	asked := false
	for _, e := range state.Events {
		switch e.Type {
		case api.TaskKilling:
			asked = true
		case api.TaskTerminated:
			code, signal := exitOf(e)
			const shellKilled = 128 + int(unix.SIGKILL)
			if asked && e.Details["oom_killed"] != "true" && (signal == int(unix.SIGKILL) || code == shellKilled) {
				return true
			}
		}
	}
	return false
}

// signalOf is what a task is asked to stop with.
func signalOf(t *api.Task) string {
	switch {
	case t.KillSignal != "":
		return t.KillSignal
	case t.Driver == "docker":
		return "SIGTERM"
	default:
		return "SIGINT"
	}
}

// tasksOf lists the tasks of a group.
func tasksOf(d *deployed, group string) []*api.Task {
	for _, g := range d.job.TaskGroups {
		if value(g.Name) == group {
			return g.Tasks
		}
	}
	return nil
}

func short(id string) string {
	const enough = 8
	return id[:min(enough, len(id))]
}
