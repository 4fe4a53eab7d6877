package nomad

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sys/unix"

	"seatrial/harness/app"
)

func (a *App) Alive(ctx context.Context) error {
	_, up := a.state()
	if up == nil {
		return app.ErrNotRunning
	}
	own, err := a.allocations(ctx, up)
	if err != nil {
		return err
	}
	running := map[string]int{}
	for _, s := range own {
		if name := culprit(s, taskNames(up.deployed, s.TaskGroup)); name != "" {
			return a.ended(ctx, up, s, name)
		}
		if s.ClientStatus == api.AllocClientStatusRunning {
			running[s.TaskGroup]++
		}
	}
	for group, n := range wanted(up.deployed) {
		if running[group] < n {
			return fmt.Errorf("cannot say that the app lives: of group %s, %d of %d allocations run, and nothing of it has ended by itself", group, running[group], n)
		}
	}
	return nil
}

// Lives implements app.Lives: by allocation and task, and when that was started.
func (a *App) Lives(ctx context.Context) ([]app.Life, error) {
	_, up := a.state()
	if up == nil {
		return nil, app.ErrNotRunning
	}
	own, err := a.allocations(ctx, up)
	if err != nil {
		return nil, err
	}
	var lives []app.Life
	for _, s := range own {
		for _, name := range taskNames(up.deployed, s.TaskGroup) {
			if state := s.TaskStates[name]; state != nil && state.State == "running" {
				lives = append(lives, app.Life{Service: name, ID: fmt.Sprintf("allocation %s since %s", short(s.ID), state.StartedAt.UTC().Format(time.RFC3339Nano))})
			}
		}
	}
	return lives, nil
}

var _ app.Lives = (*App)(nil)

// culprit is the task that ended, of those that are to last. One that Nomad ended
// because of another's end comes last.
func culprit(s *api.AllocationListStub, lasting []string) string {
	followed := ""
	for _, name := range lasting {
		state := s.TaskStates[name]
		if state == nil || state.State != "dead" {
			continue
		}
		if !slices.ContainsFunc(state.Events, func(e *api.TaskEvent) bool {
			return e.Type == api.TaskSiblingFailed || e.Type == api.TaskLeaderDead
		}) {
			return name
		}
		followed = name
	}
	return followed
}

// ended is how a task ended, with the tail of its log. It is the recipe's fault, unless
// Nomad itself or somebody else made it end.
func (a *App) ended(ctx context.Context, in *instance, s *api.AllocationListStub, task string) error {
	state := s.TaskStates[task]
	f := &app.Fault{Evidence: a.tail(ctx, s.ID, task)}
	driver := ""
	for _, t := range tasksOf(in.deployed, s.TaskGroup) {
		if t.Name == task {
			driver = t.Driver
		}
	}
	for i := len(state.Events) - 1; i >= 0 && f.Summary == ""; i-- {
		e := state.Events[i]
		said := cmp.Or(e.DisplayMessage, e.Message)
		switch e.Type {
		case api.TaskTerminated:
			code, signal := exitOf(e)
			f.Summary = endText(task, code, signal, state.FinishedAt.Sub(state.StartedAt), e.Details["oom_killed"] == "true")
			const notFound = 127
			if code == notFound && signal == 0 {
				f.Hint = "the shell found no such program: is it in the task's image, chroot or release?"
			}
		case api.TaskKilling:
			if s.DesiredStatus == api.AllocDesiredStatusStop || s.DesiredStatus == api.AllocDesiredStatusEvict {
				return fmt.Errorf("cannot keep the app running: somebody else stopped its allocation %s: %s", short(s.ID), cmp.Or(s.DesiredDescription, said))
			}
		case api.TaskSetupFailure, api.TaskArtifactDownloadFailed, api.TaskFailedValidation:
			f.Summary = fmt.Sprintf("%s could not be set up: %s", task, said)
		case api.TaskDriverFailure:
			f.Summary = fmt.Sprintf("%s could not be started by the driver %s: %s", task, driver, said)
		case "Task hook failed":
			if strings.Contains(said, "logmon") {
				return fmt.Errorf("cannot start %s: Nomad's own part failed: %s", task, said)
			}
			f.Summary = fmt.Sprintf("%s could not be set up: %s", task, said)
		}
	}
	f.Summary = cmp.Or(f.Summary, fmt.Sprintf("%s ended; Nomad does not say how: %s", task, s.ClientDescription))
	if len(f.Evidence) == 0 {
		for _, e := range state.Events {
			f.Evidence = append(f.Evidence, e.Type+": "+cmp.Or(e.DisplayMessage, e.Message))
		}
	}
	return f
}

func endText(task string, code, signal int, took time.Duration, memory bool) string {
	took = max(took.Round(100*time.Millisecond), 0)
	switch {
	case memory:
		return fmt.Sprintf("%s was killed for using more memory than its resources allow, after %v", task, took)
	case signal != 0:
		return fmt.Sprintf("%s was ended by signal %d (%s) after %v", task, signal, unix.SignalName(unix.Signal(signal)), took)
	default:
		return fmt.Sprintf("%s exited with code %d after %v", task, code, took)
	}
}

// exitOf reads how a task terminated. The event's own fields are out of use.
func exitOf(e *api.TaskEvent) (code, signal int) {
	code, err := strconv.Atoi(e.Details["exit_code"])
	if err != nil {
		code = e.ExitCode
	}
	if signal, err = strconv.Atoi(e.Details["signal"]); err != nil {
		signal = e.Signal
	}
	return code, signal
}
