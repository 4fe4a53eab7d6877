package nomadfake

import (
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"
)

// How evaluations stand, and what triggers them, in Nomad's words.
const (
	evalPending   = "pending"
	evalBlocked   = "blocked"
	evalComplete  = "complete"
	evalCancelled = "canceled"

	triggerRegister   = "job-register"
	triggerDeregister = "job-deregister"
	triggerAllocStop  = "alloc-stop"
	triggerDrain      = "node-drain"
	triggerNode       = "node-update"
	triggerQueued     = "queued-allocs"
)

// newEval makes an evaluation at the index of what triggers it.
func (f *Fake) newEval(j *api.Job, trigger string) *api.Evaluation {
	now := time.Now().UnixNano()
	e := &api.Evaluation{
		ID: newID(), Namespace: *j.Namespace, Priority: value(j.Priority), Type: value(j.Type), TriggeredBy: trigger, JobID: *j.ID,
		Status: evalPending, CreateIndex: f.index, ModifyIndex: f.index, CreateTime: now, ModifyTime: now,
	}
	f.evals = append(f.evals, e)
	return e
}

func (f *Fake) evalsOf(key id) (of []*api.Evaluation) {
	for _, e := range f.evals {
		if e.Namespace == key.namespace && e.JobID == key.name {
			of = append(of, e)
		}
	}
	return of
}

func (f *Fake) evaluationsOfJob(q *ask) (any, error) {
	if err := q.may("read-job"); err != nil {
		return nil, err
	}
	found := f.evalsOf(id{q.namespace, q.PathValue("job")})
	if found == nil {
		found = []*api.Evaluation{}
	}
	return found, nil
}

// complete ends an evaluation that has done what it was for.
func (f *Fake) complete(e *api.Evaluation) { f.endEval(e, evalComplete) }

func (f *Fake) endEval(e *api.Evaluation, status string) {
	e.Status, e.ModifyIndex, e.ModifyTime = status, f.next(), time.Now().UnixNano()
	f.tell("EvaluationUpdated", e)
}

// block says why nothing was placed, and leaves an evaluation that waits for room.
func (f *Fake) block(j *api.Job, e *api.Evaluation, why map[string]*api.AllocationMetric) {
	f.next()
	waits := f.newEval(j, triggerQueued)
	waits.Status, waits.PreviousEval = evalBlocked, e.ID
	waits.StatusDescription = "created to place remaining allocations"
	f.tell("EvaluationUpdated", waits)
	e.BlockedEval, e.FailedTGAllocs = waits.ID, why
	f.complete(e)
}

// unblock tries again to place what waits.
func (f *Fake) unblock() {
	for _, e := range slices.Clone(f.evals) {
		if j := f.jobs[id{e.Namespace, e.JobID}]; e.Status == evalBlocked && j != nil {
			f.place(j, e)
		}
	}
}

func (f *Fake) cancelBlocked(key id) {
	for _, e := range f.evalsOf(key) {
		if e.Status == evalBlocked {
			f.endEval(e, evalCancelled)
		}
	}
}
