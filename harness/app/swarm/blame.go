package swarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
)

// refused makes an error of what docker stack deploy complained about.
func refused(said string) error {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(said), "\n"), func(line string) bool {
		return strings.Contains(line, "--detach=false") // advice to people at terminals
	})
	if len(lines) == 0 {
		lines = []string{"it does not say why"}
	}
	said = strings.Join(lines, "\n")
	last := lines[len(lines)-1]
	lower := strings.ToLower(said)
	for _, why := range []struct{ says, what string }{
		{"no space left", "the disk is full"},
		{"could not find an available", "the engine's addresses are exhausted"},
		{"cannot connect to the docker daemon", "Docker does not answer"},
		{"connection refused", "Docker does not answer"},
		{"no such file or directory: unknown", "Docker does not answer"},
		{"context deadline exceeded", "the swarm does not answer"},
		{"unsupported compose file version: 1.0", "this docker program is too old for a compose file without version"},
	} {
		if strings.Contains(lower, why.says) {
			return fmt.Errorf("cannot deploy the stack: %s (%s)", why.what, last)
		}
	}
	f := &app.Fault{Summary: "docker stack deploy refuses the stack: " + last, Evidence: lines}
	switch {
	case strings.Contains(lower, "only updates to labels are allowed"):
		f.Summary = "a config or secret was changed, and its name was not: " + last
		f.Hint = "swarm never changes one that exists: raise its version in abra.sh (<NAME>_VERSION), so that it gets a new name"
	case strings.Contains(lower, "undefined volume"), strings.Contains(lower, "undefined network"), strings.Contains(lower, "undefined config"), strings.Contains(lower, "undefined secret"):
		f.Hint = "declare it at the top level of the compose file"
	}
	return f
}

// explain adds what the recipe's files say to what docker complained about.
func (a *App) explain(d *deployed, err error) error {
	f, ok := errors.AsType[*app.Fault](err)
	if !ok {
		return err
	}
	for _, c := range d.recipe.Configs {
		if strings.Contains(f.Summary, c.Full) {
			at := d.recipe.At("configs", c.Name)
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s:%d: config %s from %s", at.File, at.Line, c.Name, c.File))
		}
	}
	return f
}

// infrastructure is an error of ours if a task failed for want of what the machine has
// too little of. Docker says it in words.
func infrastructure(t swarm.Task) error {
	lower := strings.ToLower(t.Status.Err)
	for _, why := range []struct{ says, what string }{
		{"no space left", "the disk is full"},
		{"could not find an available", "the engine's addresses are exhausted"},
		{"addresses may be exhausted", "the network's addresses are exhausted"},
		{"no available ipv4", "the network's addresses are exhausted"},
		{"toomanyrequests", "the registry's limit is reached"},
		{"cannot allocate memory", "the machine has too little memory"},
		{"cgroup", "the machine's control groups fail"},
		{"context canceled", "the engine was stopped"},
	} {
		if strings.Contains(lower, why.says) {
			return fmt.Errorf("cannot start the app: %s (%s)", why.what, t.Status.Err)
		}
	}
	return nil
}

// homeless is a task that no node takes.
func (a *App) homeless(s standing, t swarm.Task) error {
	lower := strings.ToLower(t.Status.Err)
	switch {
	case strings.Contains(lower, "insufficient resources"):
		return fmt.Errorf("cannot start %s: this machine has no room for what it reserves (%s)", s.name, t.Status.Err)
	case strings.Contains(lower, "addresses may be exhausted"):
		return fmt.Errorf("cannot start %s: the network's addresses are exhausted (%s)", s.name, t.Status.Err)
	}
	f := &app.Fault{Summary: fmt.Sprintf("%s finds no node to run on: %s", s.name, t.Status.Err)}
	if p := s.Spec.TaskTemplate.Placement; p != nil {
		for _, c := range p.Constraints {
			f.Evidence = append(f.Evidence, "constraint: "+c)
		}
	}
	f.Hint = "deploy.placement in the compose file says where it may run"
	return f
}

// turnedBack is an update that the swarm paused or rolled back. The docker program's own
// wait calls a rollback a success.
func (a *App) turnedBack(ctx context.Context, s standing, u *swarm.UpdateStatus) error {
	what := "the swarm paused the update of %s: %s"
	if u.State != swarm.UpdateStatePaused {
		what = "the update of %s was rolled back by the swarm: %s"
	}
	f := &app.Fault{Summary: fmt.Sprintf(what, s.name, u.Message), Hint: "deploy.update_config in the compose file says how a failed update is met, and how long each task is watched (monitor)"}
	// After a rollback the spec is the old one again: the task that failed is of another.
	for i := len(s.tasks) - 1; i >= 0; i-- {
		t := s.tasks[i]
		if t.Status.State == swarm.TaskStateFailed || t.Status.State == swarm.TaskStateRejected {
			if err := infrastructure(t); err != nil {
				return err
			}
			f.Evidence = append([]string{fmt.Sprintf("%s: %s", s.name, t.Status.Err)}, a.evidence(ctx, t)...)
			break
		}
	}
	return f
}

// blameTask is the fault of a task that ended or could not be started.
func (a *App) blameTask(ctx context.Context, s standing, t swarm.Task, what string) error {
	f := &app.Fault{}
	how := ended(t)
	unhealthy := a.unhealthy(ctx, t)
	if unhealthy {
		how = endedByHealth
		if c := t.Status.ContainerStatus; c.ExitCode == 0 {
			how += ", and exited with code 0"
		}
	}
	if what != "" {
		f.Summary = fmt.Sprintf("%s %s: %s", s.name, what, how)
	} else {
		f.Summary = fmt.Sprintf("%s %s", s.name, how)
	}
	health := ""
	f.Evidence = a.evidence(ctx, t)
	if unhealthy || strings.Contains(t.Status.Err, "unhealthy") {
		health = "the healthcheck ended it: raise start_period above what a slow first start takes, or mend the check"
	}
	f.Hint = health
	if len(f.Evidence) == 0 {
		f.Evidence = []string{fmt.Sprintf("task %s: %s", t.ID, t.Status.Err)}
	}
	return f
}

// unhealthy says that a task's container failed its healthcheck as often as it may. A
// program that ends well when it is then asked to leaves no other trace, and the engine
// calls every container unhealthy that has ended.
func (a *App) unhealthy(ctx context.Context, t swarm.Task) bool {
	if t.Status.ContainerStatus == nil || t.Status.ContainerStatus.ContainerID == "" {
		return false
	}
	c, err := a.inspect(ctx, t.Status.ContainerStatus.ContainerID)
	return err == nil && failedHealth(c)
}

func failedHealth(c container.InspectResponse) bool {
	if c.State == nil || c.State.Health == nil || c.Config == nil || c.Config.Healthcheck == nil {
		return false
	}
	const usual = 3 // https://docs.docker.com/reference/dockerfile/#healthcheck
	return c.State.Health.FailingStreak >= cmp.Or(c.Config.Healthcheck.Retries, usual)
}

const endedByHealth = "was ended by its own healthcheck"

// ended says how a task ended, in a few words.
func ended(t swarm.Task) string {
	err := strings.TrimPrefix(t.Status.Err, "task: ")
	switch c := t.Status.ContainerStatus; {
	case strings.Contains(err, "unhealthy"):
		return endedByHealth
	case t.Status.State == swarm.TaskStateComplete:
		return "exited with code 0"
	case c != nil && c.ExitCode > 128 && c.ExitCode < 160 && t.Status.State == swarm.TaskStateFailed:
		return fmt.Sprintf("was ended by signal %d (exit code %d)", c.ExitCode-128, c.ExitCode)
	case c != nil && c.ExitCode != 0 && t.Status.State == swarm.TaskStateFailed:
		return fmt.Sprintf("exited with code %d", c.ExitCode)
	default:
		return err
	}
}

// evidence is what a task printed last, and what its healthcheck said.
func (a *App) evidence(ctx context.Context, t swarm.Task) []string {
	if t.Status.ContainerStatus == nil || t.Status.ContainerStatus.ContainerID == "" {
		if t.Status.Err == "" {
			return nil
		}
		return []string{t.Status.Err}
	}
	id := t.Status.ContainerStatus.ContainerID
	var lines []string
	answer, err := a.cfg.Engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err == nil && answer.Container.State != nil && answer.Container.State.Health != nil {
		log := answer.Container.State.Health.Log
		for _, probe := range log[max(0, len(log)-3):] {
			if probe.ExitCode != 0 {
				lines = append(lines, fmt.Sprintf("healthcheck: exit code %d: %s", probe.ExitCode, clip(strings.TrimSpace(probe.Output))))
			}
		}
	}
	return append(lines, a.tail(ctx, id)...)
}
