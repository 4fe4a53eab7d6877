package swarm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"seatrial/harness/app"
)

const (
	// usualTimeout is how long a stack may take, as abra has it where a recipe has no
	// timeout label.
	usualTimeout = 5 * time.Minute
	// loopFailures and loopTime tell a crash loop from an app that waits for its
	// database by crashing: so many failures, and so long after anything else came up.
	loopFailures = 3
	loopTime     = 12 * time.Second
	// placeTime is how long the swarm may find no node: it looks again by itself.
	placeTime = 8 * time.Second
	// steadyTime is how long everything must stand before it is believed.
	steadyTime = time.Second
	// proveTime is how long a service must run that has failed before: one without a
	// healthcheck counts as running as soon as it was started.
	proveTime = 6 * time.Second
)

// errTimeout ends the waiting for a stack.
var errTimeout = errors.New("the stack's time is over")

// converge waits until every service stands.
func (a *App) converge(ctx context.Context, d *deployed) error {
	limit := d.recipe.Timeout
	if limit <= 0 {
		limit = usualTimeout
	}
	began := time.Now()
	up := map[string]bool{}
	moved := began // when a service came up last
	var stood time.Time
	var last []standing
	err := a.await(ctx, limit+outageLimit, "the stack to run", func() (string, error) {
		all, err := a.survey(ctx)
		if err != nil {
			return "", err
		}
		last = all
		var missing []string
		for _, s := range all {
			if err := a.broken(ctx, s); err != nil {
				return "", err
			}
			lacks := s.stands()
			if lacks == "" && len(s.failed) > 0 && time.Since(s.last.Status.Timestamp) < proveTime {
				lacks = s.name + ": it runs again; watching it for a moment"
			}
			if lacks != "" {
				missing = append(missing, lacks)
			} else if !up[s.ID] {
				moved = time.Now()
			}
			up[s.ID] = lacks == ""
		}
		if len(missing) == 0 && len(all) > 0 {
			if stood.IsZero() {
				stood = time.Now()
			}
			if time.Since(stood) >= steadyTime {
				return "", nil
			}
			return "it runs; watching it for a moment", nil
		}
		stood = time.Time{}
		if err := a.looping(ctx, all, up, time.Since(moved)); err != nil {
			return "", err
		}
		if time.Since(began) > limit {
			return "", errTimeout
		}
		return strings.Join(missing, "; "), nil
	})
	if errors.Is(err, errTimeout) {
		return a.late(ctx, last, limit)
	}
	return err
}

// broken says what is surely wrong with a service, however long one waits.
func (a *App) broken(ctx context.Context, s standing) error {
	if u := s.UpdateStatus; u != nil {
		switch u.State {
		case swarm.UpdateStatePaused, swarm.UpdateStateRollbackStarted, swarm.UpdateStateRollbackPaused, swarm.UpdateStateRollbackCompleted:
			if a.shaken() {
				return fmt.Errorf("cannot upgrade %s: the engine was away meanwhile, and the swarm turned back: %s", s.name, u.Message)
			}
			return a.turnedBack(ctx, s, u)
		}
	}
	if n := len(s.failed); n > 0 {
		t := s.failed[n-1]
		if err := infrastructure(t); err != nil {
			if n < loopFailures {
				return nil // it passes, or comes again
			}
			return err
		}
		if t.Status.State == swarm.TaskStateRejected {
			return a.blameTask(ctx, s, t, "cannot be started")
		}
		never := s.Spec.TaskTemplate.RestartPolicy
		if never != nil && never.Condition == swarm.RestartPolicyConditionNone && s.up+s.done < s.want {
			return a.blameTask(ctx, s, t, "")
		}
	}
	if t := s.last; t.Status.State == swarm.TaskStatePending && t.Status.Err != "" && time.Since(t.CreatedAt) > placeTime {
		return a.homeless(s, t)
	}
	return nil
}

// shaken says that the engine was away since the app was brought up.
func (a *App) shaken() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pulse.missed().After(a.since)
}

// looping finds a service that crashes again and again while nothing else is on its way.
func (a *App) looping(ctx context.Context, all []standing, up map[string]bool, still time.Duration) error {
	var worst *standing
	for _, s := range all {
		if up[s.ID] {
			continue
		}
		if len(s.failed) < loopFailures {
			return nil // what this one becomes may help the others
		}
		if worst == nil || len(s.failed) > len(worst.failed) {
			worst = &s
		}
	}
	if worst == nil || still < loopTime {
		return nil
	}
	t := worst.failed[len(worst.failed)-1]
	if err := infrastructure(t); err != nil {
		return err
	}
	return a.blameTask(ctx, *worst, t, fmt.Sprintf("ends again and again (%d times in %s)", len(worst.failed), time.Since(worst.failed[0].CreatedAt).Round(time.Second)))
}

// late is a stack whose time is over.
func (a *App) late(ctx context.Context, all []standing, limit time.Duration) error {
	f := &app.Fault{Hint: "the label coop-cloud.${STACK_NAME}.timeout says how many seconds the stack may take"}
	var names []string
	for _, s := range all {
		lacks := s.stands()
		if lacks == "" {
			continue
		}
		names = append(names, lacks)
		f.Evidence = append(f.Evidence, a.evidence(ctx, s.last)...)
	}
	f.Summary = fmt.Sprintf("not every service runs after %s: %s", limit, strings.Join(names, "; "))
	return f
}

// Lives implements app.Lives: by the tasks of each service that is to last. Swarm starts
// a new one where one ended.
func (a *App) Lives(ctx context.Context) (lives []app.Life, err error) {
	if d, stopped := a.state(); d == nil || stopped {
		return nil, app.ErrNotRunning
	}
	err = a.await(ctx, outageLimit, "the engine", func() (string, error) {
		all, err := a.survey(ctx)
		lives = nil
		for _, s := range all {
			for _, t := range s.tasks {
				if !s.mayEnd && t.Status.State == swarm.TaskStateRunning && t.DesiredState == swarm.TaskStateRunning {
					lives = append(lives, app.Life{Service: s.name, ID: "task " + t.ID})
				}
			}
		}
		return "", err
	})
	return lives, err
}

var _ app.Lives = (*App)(nil)

func (a *App) Alive(ctx context.Context) error {
	d, stopped := a.state()
	if d == nil || stopped {
		return app.ErrNotRunning
	}
	var gone error
	err := a.await(ctx, outageLimit, "the engine", func() (string, error) {
		all, err := a.survey(ctx)
		if err != nil {
			return "", err
		}
		for _, s := range all {
			if n := len(s.failed); n > 0 {
				if err := infrastructure(s.failed[n-1]); err != nil {
					return "", err
				}
				gone = a.blameTask(ctx, s, s.failed[0], "")
				return "", nil
			}
		}
		if len(all) == 0 {
			return "", errors.New("cannot say that the app lives: its stack is gone, and not by us")
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	return gone
}
