package nomad

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// rule is a line of the table that makes a state of facts.
type rule struct {
	When   string // for people
	Holds  func(facts) bool
	Phase  dispatch.Phase
	Detail func(facts) string
}

// rules is the table. The first rule that holds says phase and detail; causeOf says the
// cause, for it does not depend on how far things are. Nothing is over before the whole
// allocation is, and complete is only what said its last word: a task's exit code and
// an allocation's status are not asked whether a run passed.
func rules() []rule {
	const (
		pending, running = dispatch.Pending, dispatch.Running
		complete, lost   = dispatch.Complete, dispatch.Lost
	)
	return []rule{
		{"the cluster has no such job, and the last word is here", func(f facts) bool { return f.alloc == nil && f.job == nil && f.said }, complete, says("")},
		{"the cluster no longer has such a job", func(f facts) bool { return f.alloc == nil && f.job == nil && f.known }, lost, forgotten},
		{"the cluster has no such job, and never had", func(f facts) bool { return f.alloc == nil && f.job == nil }, dispatch.Unknown, says("the cluster has no job of this run")},

		{"no node was found in time", func(f facts) bool { return f.alloc == nil && f.note.Unplaced != "" && f.job.Stop }, lost, func(f facts) string { return f.note.Unplaced }},
		{"stopped before it had an allocation", func(f facts) bool { return f.alloc == nil && f.job.Stop && !f.said }, lost, says("its job was stopped before it was placed on a node")},
		{"waits for a node", facts.waits, pending, placement},
		{"the allocation was forgotten, and the last word is here", func(f facts) bool { return f.alloc == nil && f.said }, complete, says("")},
		{"the allocation was forgotten", func(f facts) bool { return f.alloc == nil }, lost, forgotten},

		{"its node is disconnected", func(f facts) bool { return f.alloc.ClientStatus == api.AllocClientStatusUnknown }, running, disconnected},
		{"placed, not started yet", func(f facts) bool { return f.alloc.ClientStatus == api.AllocClientStatusPending }, pending, starting},
		{"its executor ended, its other tasks have not", func(f facts) bool { return !ended(f.alloc) && f.executor().State == taskDead }, running, tearingDown},
		{"runs", func(f facts) bool { return !ended(f.alloc) }, running, where},
		{"it ended, another allocation of it has not", func(f facts) bool { return f.more }, running, says("a second allocation of its job, which may not perform it, has not ended yet")},
		{"it ended, its files are not read yet", func(f facts) bool { return !f.note.Collected }, running, says("it ended; its last files are being read")},

		{"it said its last word", func(f facts) bool { return f.said }, complete, says("")},
		{"its node was lost", func(f facts) bool { return f.alloc.ClientStatus == api.AllocClientStatusLost }, lost, nodeLost},
		{"it ran out of memory", func(f facts) bool { return termination(f.executor()).oom }, lost, outOfMemory},
		{"its executor never started", func(f facts) bool { return f.executor().StartedAt.IsZero() }, lost, neverStarted},
		{"its files are gone", func(f facts) bool { return f.note.Missing != "" }, lost, func(f facts) string { return f.note.Missing }},
		{"its executor was killed", func(f facts) bool { return termination(f.executor()).signal != 0 }, lost, killed},
		{"its executor ended without a last word", func(facts) bool { return true }, lost, exited},
	}
}

const jobDead = "dead"

// stateOf applies the table.
func stateOf(f facts) dispatch.State {
	for _, r := range rules() {
		if r.Holds(f) {
			return dispatch.State{Phase: r.Phase, Detail: r.Detail(f), Cause: causeOf(f)}
		}
	}
	return dispatch.State{Phase: dispatch.Lost, Detail: "it ended without its last word"}
}

// The triggers of evaluations, as Nomad writes them: structs.EvalTrigger….
const (
	triggerDrain     = "node-drain"
	triggerAllocStop = "alloc-stop"
)

// causeOf says why an attempt ends where the cluster knows.
//
// Our own Stop stops the allocation, which leaves the job as it is; an operator's "nomad
// job stop" stops the job. So the two are told apart after a restart, too; and where
// there is no allocation yet, so that Stop has to stop the job, by the note made before.
func causeOf(f facts) dispatch.Cause {
	switch a := f.alloc; {
	case f.note.Stopped:
		return ""
	case f.job != nil && f.job.Stop && !f.note.Ended:
		return dispatch.Withdrawn
	case a == nil:
		return ""
	case a.ClientStatus == api.AllocClientStatusLost, a.DesiredStatus == api.AllocDesiredStatusEvict, a.PreemptedByAllocation != "":
		return dispatch.Displaced
	case a.DesiredStatus != api.AllocDesiredStatusStop:
		return ""
	case f.job == nil, f.triggered(triggerAllocStop):
		return dispatch.Withdrawn // purged, or its allocation was stopped
	case f.triggered(triggerDrain):
		return dispatch.Displaced
	}
	return ""
}

// State asks the cluster. A job that found no node in time is given up here, so that it
// never starts later; an allocation that is over is read to its end first.
func (d *Dispatcher) State(ctx context.Context, id run.ID, attempt int) (dispatch.State, error) {
	k := key{id, attempt}
	f, err := d.look(ctx, k)
	if err != nil {
		return dispatch.State{}, err
	}
	if f.waits() && f.waited() > d.PlaceWithin {
		if err := d.giveUp(ctx, k, f); err != nil {
			return dispatch.State{}, err
		}
		if f, err = d.look(ctx, k); err != nil {
			return dispatch.State{}, err
		}
	}
	if f.alloc != nil && ended(f.alloc) && !f.note.Collected {
		if err := d.collected(ctx, k); err != nil {
			return dispatch.State{}, err
		}
		if f, err = d.look(ctx, k); err != nil {
			return dispatch.State{}, err
		}
	}
	return stateOf(f), nil
}

// giveUp stops a job for which no node was found.
func (d *Dispatcher) giveUp(ctx context.Context, k key, f facts) error {
	why := fmt.Sprintf("no node was found for it within %s: %s", d.PlaceWithin, strings.TrimPrefix(placement(f), waiting+": "))
	if err := d.changeNote(k, func(n *note) { n.Stopped, n.Unplaced = true, why }); err != nil {
		return err
	}
	d.Log.Warn("giving up a run that found no node", "run", k.id, "attempt", k.attempt, "why", why)
	return d.stopJob(ctx, k, f.job.ID)
}
