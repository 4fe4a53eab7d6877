package swarm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// standing is how one service stands.
type standing struct {
	swarm.Service
	name   string // in the recipe's files
	mayEnd bool   // well, and stay so
	want   int    // tasks that should run; of a job, those that should have run
	tasks  []swarm.Task
	up     int          // of its present spec
	done   int          // that ended well, where that is how it ends
	failed []swarm.Task // of its present spec, since the app was brought up, the oldest first
	last   swarm.Task   // the newest one of its present spec
}

// services lists the stack's services.
func (a *App) services(ctx context.Context) ([]swarm.Service, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := a.cfg.Engine.ServiceList(ctx, client.ServiceListOptions{Filters: a.stack()})
	if err != nil {
		return nil, fmt.Errorf("cannot list the services: %w", err)
	}
	slices.SortFunc(answer.Items, func(x, y swarm.Service) int { return strings.Compare(x.Spec.Name, y.Spec.Name) })
	return answer.Items, nil
}

// survey says how every service of the stack stands.
func (a *App) survey(ctx context.Context) ([]standing, error) {
	services, err := a.services(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := a.cfg.Engine.TaskList(ctx, client.TaskListOptions{Filters: a.stack()})
	if err != nil {
		return nil, fmt.Errorf("cannot list the tasks: %w", err)
	}
	a.mu.Lock()
	since, main := a.since, ""
	if a.current != nil {
		main = a.current.recipe.Main
	}
	a.mu.Unlock()
	// What went with the engine is not held against the app.
	if away := a.pulse.missed(); !away.IsZero() && away.Add(afterOutage).After(since) {
		since = away.Add(afterOutage)
	}
	var all []standing
	for _, s := range services {
		st := standing{Service: s, name: strings.TrimPrefix(s.Spec.Name, a.cfg.Label+"_"), want: wanted(s.Spec)}
		st.mayEnd = ends(s.Spec) && st.name != main // who answers the world does so until it is asked to stop
		for _, t := range answer.Items {
			if t.ServiceID == s.ID {
				st.tasks = append(st.tasks, t)
			}
		}
		slices.SortFunc(st.tasks, func(x, y swarm.Task) int { return x.CreatedAt.Compare(y.CreatedAt) })
		st.count(since)
		all = append(all, st)
	}
	return all, nil
}

func wanted(s swarm.ServiceSpec) int {
	switch {
	case s.Mode.Replicated != nil && s.Mode.Replicated.Replicas != nil:
		return int(*s.Mode.Replicated.Replicas)
	case s.Mode.ReplicatedJob != nil && s.Mode.ReplicatedJob.TotalCompletions != nil:
		return int(*s.Mode.ReplicatedJob.TotalCompletions)
	default:
		return 1 // one on this node
	}
}

// ends says that a task of the service may end well.
func ends(s swarm.ServiceSpec) bool {
	if s.Mode.ReplicatedJob != nil || s.Mode.GlobalJob != nil {
		return true
	}
	p := s.TaskTemplate.RestartPolicy
	return p != nil && (p.Condition == swarm.RestartPolicyConditionNone || p.Condition == swarm.RestartPolicyConditionOnFailure)
}

func (s *standing) count(since time.Time) {
	for _, t := range s.tasks {
		if !sameTask(t.Spec, s.Spec.TaskTemplate) {
			continue
		}
		s.last = t
		switch t.Status.State {
		case swarm.TaskStateRunning:
			if t.DesiredState == swarm.TaskStateRunning {
				s.up++
			}
		case swarm.TaskStateComplete:
			if s.mayEnd {
				s.done++
			} else if t.Status.Timestamp.After(since) {
				s.failed = append(s.failed, t)
			}
		case swarm.TaskStateFailed, swarm.TaskStateRejected:
			if t.Status.Timestamp.After(since) {
				s.failed = append(s.failed, t)
			}
		}
	}
}

// sameTask says whether a task was made of this very spec.
func sameTask(x, y swarm.TaskSpec) bool {
	a, err := json.Marshal(x.ContainerSpec)
	b, err2 := json.Marshal(y.ContainerSpec)
	return err == nil && err2 == nil && bytes.Equal(a, b) && x.ForceUpdate == y.ForceUpdate
}

// stands says that the service is as it should be, or what it lacks.
func (s *standing) stands() (missing string) {
	if u := s.UpdateStatus; u != nil && (u.State == swarm.UpdateStateUpdating || u.State == swarm.UpdateStateRollbackStarted) {
		return fmt.Sprintf("%s: %s", s.name, u.Message)
	}
	if have := s.up + s.done; have >= s.want {
		return ""
	}
	t := s.last
	if t.ID == "" {
		return fmt.Sprintf("%s: the swarm has not begun", s.name)
	}
	text := string(t.Status.State)
	if t.Status.State == swarm.TaskStateStarting {
		text = "started, not healthy yet"
	}
	if t.Status.Err != "" {
		text += ": " + t.Status.Err
	}
	if n := len(s.failed); n > 0 {
		text += fmt.Sprintf(" (it failed %d times)", n)
	}
	return s.name + ": " + text
}
