package nomad

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

const (
	// idleShell waits until it is asked to end, also as a process that no signal ends
	// by default.
	idleShell = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
	// idleLimit is how long the idle task may take to run, and to end.
	idleLimit = 2 * time.Minute
	idleStop  = 5 * time.Second
)

// idleName is the job beside the app in which commands run while the app is stopped.
func (a *App) idleName() string { return a.cfg.Label + "-exec" }

// idleTask makes a job of one task, with its driver, user, environment and mounts, but
// with a shell in place of its program. The drivers exec, raw_exec and docker allow
// that, if the task has a shell.
func idleTask(d *deployed, where spot, name string) (*api.Job, error) {
	text, err := json.Marshal(d.job)
	if err != nil {
		return nil, err
	}
	var job api.Job
	if err := json.Unmarshal(text, &job); err != nil {
		return nil, err
	}
	g, t := at(&job, where)
	if g == nil {
		return nil, errors.New("there is no such task")
	}
	switch t.Driver {
	case "exec", "raw_exec":
		t.Config["command"], t.Config["args"] = "/bin/sh", []string{"-c", idleShell}
	case "docker":
		t.Config["entrypoint"] = []string{"/bin/sh", "-c", idleShell}
		delete(t.Config, "command")
		delete(t.Config, "args")
	default:
		return nil, fmt.Errorf("a task of the driver %s cannot be made to wait for a command while the app is stopped", t.Driver)
	}
	job.ID, job.Name, job.Type = new(name), new(name), new(api.JobTypeBatch)
	job.Update, g.Update, g.Disconnect = nil, nil, nil
	t.Lifecycle, t.Leader, t.KillSignal, t.KillTimeout, t.ShutdownDelay = nil, false, "", new(idleStop), 0
	g.Count, g.Tasks, g.ShutdownDelay = new(1), []*api.Task{t}, nil
	job.TaskGroups = []*api.TaskGroup{g}
	return &job, nil
}

// idle starts the idle task. done takes it away again, whatever became of ctx.
func (a *App) idle(ctx context.Context, d *deployed, where spot) (alloc *api.Allocation, done func() error, err error) {
	job, err := idleTask(d, where, a.idleName())
	if err != nil {
		return nil, nil, err
	}
	serial(job, a.cfg.Now())
	done = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), idleLimit)
		defer cancel()
		return removeJob(ctx, a.cfg.Client, a.cfg.Namespaces.Apps, *job.ID, idleLimit)
	}
	fail := func(err error) (*api.Allocation, func() error, error) { return nil, nil, errors.Join(err, done()) }
	answer, _, err := a.cfg.Client.Jobs().Register(job, a.write(ctx))
	if err != nil {
		return fail(cluster.Explain("start a task for the command", err))
	}
	err = await(ctx, idleLimit, "a task for the command", func() (string, error) {
		all, _, err := a.cfg.Client.Jobs().Allocations(*job.ID, true, a.query(ctx))
		if err != nil {
			return "", cluster.Explain("ask after the task for the command", err)
		}
		for _, s := range all {
			state := s.TaskStates[where.task]
			switch {
			case s.CreateIndex <= answer.JobModifyIndex:
			case s.ClientStatus == api.AllocClientStatusRunning && state != nil && state.State == "running":
				alloc, _, err = a.cfg.Client.Allocations().Info(s.ID, a.query(ctx))
				return "", err
			case endedStatus(s):
				return "", &app.Fault{
					Summary:  fmt.Sprintf("while the app is stopped, no command can run in place of %s: no shell could be started there", where.task),
					Evidence: a.tail(ctx, s.ID, where.task),
				}
			default:
				return "it is " + s.ClientStatus, nil
			}
		}
		why, err := a.unplaced(ctx, answer.EvalID)
		return "it has no place yet" + why, err
	})
	if err != nil {
		return fail(err)
	}
	return alloc, done, nil
}
