package nomadfake

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
)

// allocation is one, as the servers know it, and as its node does.
type allocation struct {
	api.Allocation // what the servers know
	job            *api.Job
	group          *api.TaskGroup
	node           *node
	ports          map[string]int

	tasks  map[string]*api.TaskState // as the node knows them
	asked  chan struct{}             // closed when its main tasks are to end
	off    chan struct{}             // closed when its node has lost its power
	leaves bool                      // it was stopped while its node was away
	oom    bool                      // the kernel killed its executor
	gone   bool                      // the node has nothing of it any more
	pids   map[string]int            // of the tasks that run
	once   struct{ asked, off sync.Once }
}

// terminal says that the servers expect nothing of it any more.
func (a *allocation) terminal() bool {
	return a.DesiredStatus != api.AllocDesiredStatusRun || a.ended()
}

func (a *allocation) ended() bool {
	switch a.ClientStatus {
	case api.AllocClientStatusComplete, api.AllocClientStatusFailed, api.AllocClientStatusLost:
		return true
	}
	return false
}

// quiet says that nothing of it runs.
func (a *allocation) quiet() bool {
	for _, t := range a.tasks {
		if t.State != taskDead {
			return a.isOff()
		}
	}
	return true
}

func (a *allocation) isOff() bool {
	select {
	case <-a.off:
		return true
	default:
		return false
	}
}

// powerOff kills what runs of it, at once and for good.
func (a *allocation) powerOff() {
	a.once.off.Do(func() { close(a.off) })
	for _, pid := range a.pids {
		killGroup(pid)
	}
}

// allocsOf lists a job's allocations, the oldest first.
func (f *Fake) allocsOf(key id) (of []*allocation) {
	for _, a := range f.allocs {
		if a.Namespace == key.namespace && a.JobID == key.name {
			of = append(of, a)
		}
	}
	slices.SortFunc(of, func(a, b *allocation) int { return cmp.Compare(a.CreateIndex, b.CreateIndex) })
	return of
}

func allocationRoutes() []route {
	return []route{
		{pattern: "GET /v1/allocations", answer: (*Fake).listAllocations},
		{pattern: "GET /v1/allocation/{alloc}", answer: (*Fake).allocation},
		{pattern: "PUT /v1/allocation/{alloc}/stop", answer: (*Fake).stopAllocation},
		{pattern: "POST /v1/allocation/{alloc}/stop", answer: (*Fake).stopAllocation},
	}
}

func (f *Fake) allocationsOfJob(q *ask) (any, error) {
	if err := q.may("read-job"); err != nil {
		return nil, err
	}
	stubs := []*api.AllocationListStub{}
	for _, a := range f.allocsOf(id{q.namespace, q.PathValue("job")}) {
		stubs = append(stubs, a.Stub())
	}
	return stubs, nil
}

func (f *Fake) listAllocations(q *ask) (any, error) {
	if err := q.may("read-job"); err != nil {
		return nil, err
	}
	stubs := []*api.AllocationListStub{}
	for _, a := range f.allocs {
		if (q.namespace == everywhere || q.namespace == a.Namespace) && strings.HasPrefix(a.ID, q.param("prefix")) {
			stubs = append(stubs, a.Stub())
		}
	}
	slices.SortFunc(stubs, func(a, b *api.AllocationListStub) int { return cmp.Compare(a.CreateIndex, b.CreateIndex) })
	return filtered(f, q, stubs)
}

// allocation shows one. Its own namespace counts, not the one asked for.
func (f *Fake) allocation(q *ask) (any, error) {
	a := f.allocs[q.PathValue("alloc")]
	if a == nil {
		return nil, refuse(http.StatusNotFound, "alloc not found")
	}
	if !q.token.may(a.Namespace, "read-job") {
		return nil, fault("Unknown allocation %q", a.ID)
	}
	return a.Allocation, nil
}

func (f *Fake) stopAllocation(q *ask) (any, error) {
	a := f.allocs[q.PathValue("alloc")]
	if a == nil {
		return nil, refuse(http.StatusNotFound, "alloc not found")
	}
	if err := q.mayIn(a.Namespace, "alloc-lifecycle"); err != nil {
		return nil, err
	}
	if !q.flag("reschedule") {
		f.complain("the allocation of %s is stopped without reschedule=true: Nomad places another one for it", a.JobID)
	}
	f.next()
	e := f.newEval(a.job, triggerAllocStop)
	f.tell("AllocationUpdateDesiredStatus", e)
	if a.ClientStatus == api.AllocClientStatusUnknown {
		a.leaves = true // nothing comes of it before its node is back
	} else {
		f.stopAlloc(a, "alloc is being migrated", e)
	}
	f.complete(e)
	return api.AllocStopResponse{EvalID: e.ID}, nil
}

// stopAlloc asks an allocation's tasks to end.
func (f *Fake) stopAlloc(a *allocation, why string, because *api.Evaluation) {
	if a.terminal() {
		return
	}
	a.DesiredStatus, a.DesiredDescription, a.EvalID = api.AllocDesiredStatusStop, why, because.ID
	a.touch(f.next())
	f.tell("PlanResult", a)
	if !a.node.away {
		a.ask()
	}
}

func (a *allocation) ask() { a.once.asked.Do(func() { close(a.asked) }) }

func (a *allocation) touch(index uint64) {
	a.ModifyIndex, a.AllocModifyIndex, a.ModifyTime = index, index, time.Now().UnixNano()
}
