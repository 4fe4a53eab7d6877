package nomad

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

const (
	// startLimit is how long an app may take to be started. A container's image may be
	// large.
	startLimit = 10 * time.Minute
	// placeLimit is how long there may be no room for an app: what was stopped a moment
	// ago still takes up some.
	placeLimit = 30 * time.Second
	// killSlack is how much longer than its own time a stop may take.
	killSlack = time.Minute
)

// instance is one submission of a job, and what came of it.
type instance struct {
	*deployed
	index uint64        // everything of it was made after this
	last  atomic.Uint64 // and not after this, if it is not 0

	address atomic.Pointer[string] // of the app, once it is known
}

// allocations lists what came of an instance, also what has ended.
func (a *App) allocations(ctx context.Context, in *instance) ([]*api.AllocationListStub, error) {
	all, _, err := a.cfg.Client.Jobs().Allocations(a.cfg.Label, true, a.query(ctx))
	if err != nil {
		return nil, cluster.Explain("list what runs of the app", err)
	}
	last := in.last.Load()
	own := slices.DeleteFunc(all, func(s *api.AllocationListStub) bool {
		return s.CreateIndex <= in.index || last != 0 && s.CreateIndex > last
	})
	slices.SortFunc(own, func(x, y *api.AllocationListStub) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return own, nil
}

// awaitStarted waits until every lasting task was started.
func (a *App) awaitStarted(ctx context.Context, in *instance, evaluation string) error {
	began := a.cfg.Now()
	return await(ctx, startLimit, "the app to be started", func() (string, error) {
		own, err := a.allocations(ctx, in)
		if err != nil {
			return "", err
		}
		placed := map[string]int{}
		var waiting string
		for _, s := range own {
			placed[s.TaskGroup]++
			a.follow(s, in.job)
			missing, err := a.unstarted(ctx, in, s)
			if err != nil {
				return "", err
			}
			if missing != "" {
				waiting = missing
			}
		}
		for group, n := range wanted(in.deployed) {
			if placed[group] < n {
				why, err := a.unplaced(ctx, evaluation)
				if err != nil {
					return "", err
				}
				if strings.HasPrefix(why, noRoom) && a.cfg.Now().Sub(began) > placeLimit {
					return "", fmt.Errorf("cannot start the app%s", why)
				}
				return "group " + group + " has no place yet" + why, nil
			}
		}
		return waiting, nil
	})
}

// unstarted says which of an allocation's tasks was not started yet. A task that never
// can be is a fault.
func (a *App) unstarted(ctx context.Context, in *instance, s *api.AllocationListStub) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(s.TaskStates)) {
		state := s.TaskStates[name]
		if state.Failed && (state.StartedAt.IsZero() || !slices.Contains(taskNames(in.deployed, s.TaskGroup), name)) {
			return "", a.ended(ctx, in, s, name)
		}
	}
	for _, name := range taskNames(in.deployed, s.TaskGroup) {
		state := s.TaskStates[name]
		switch {
		case state != nil && !state.StartedAt.IsZero():
		case s.ClientStatus == api.AllocClientStatusFailed, s.ClientStatus == api.AllocClientStatusLost:
			return "", fmt.Errorf("cannot start the app: its allocation is %s: %s", s.ClientStatus, s.ClientDescription)
		case state != nil && len(state.Events) > 0:
			last := state.Events[len(state.Events)-1]
			return fmt.Sprintf("task %s: %s", name, cmp.Or(last.DisplayMessage, last.Type)), nil
		default:
			return "task " + name + " waits", nil
		}
	}
	return "", nil
}

const noRoom = ": no node fits"

// unplaced says why an allocation has no place.
func (a *App) unplaced(ctx context.Context, evaluation string) (string, error) {
	if evaluation == "" {
		return "", nil
	}
	e, _, err := a.cfg.Client.Evaluations().Info(evaluation, a.query(ctx))
	if err != nil {
		return "", cluster.Explain("ask why the app has no place", err)
	}
	switch e.Status {
	case api.EvalStatusFailed, api.EvalStatusCancelled:
		return "", fmt.Errorf("cannot place the app: the evaluation is %s: %s", e.Status, e.StatusDescription)
	}
	if len(e.FailedTGAllocs) == 0 {
		return "", nil
	}
	var why []string
	for _, group := range slices.Sorted(maps.Keys(e.FailedTGAllocs)) {
		why = append(why, "group "+group+": "+metricText(e.FailedTGAllocs[group]))
	}
	return noRoom + " (" + strings.Join(why, "; ") + ")", nil
}

func metricText(m *api.AllocationMetric) string {
	parts := slices.Sorted(maps.Keys(m.ConstraintFiltered))
	for _, dimension := range slices.Sorted(maps.Keys(m.DimensionExhausted)) {
		parts = append(parts, dimension+" exhausted")
	}
	if len(parts) == 0 {
		return fmt.Sprintf("of %d nodes none is free", m.NodesEvaluated)
	}
	return strings.Join(parts, ", ")
}

// registerError says why a job was not taken. What the server says against the job
// itself is the recipe's.
func registerError(d *deployed, err error) error {
	const internal = 500 // Nomad's answer to a job that is not valid
	if answer, ok := errors.AsType[api.UnexpectedResponseError](err); ok && answer.HasStatusCode() && answer.StatusCode() == internal && strings.Contains(answer.Body(), "validation") {
		return &app.Fault{Summary: d.file + " makes no valid job", Evidence: strings.Split(strings.TrimSpace(answer.Body()), "\n")}
	}
	if strings.Contains(err.Error(), "Enforcing job modify index") {
		return fmt.Errorf("cannot start the app: there is a job called %s already: it is another run's, or was left over", *d.job.ID)
	}
	return cluster.Explain("start the app", err)
}
