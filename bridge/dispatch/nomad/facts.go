package nomad

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
)

// facts is what cluster and folder say about an attempt, at one time: enough to say
// its state. Whatever is missing is zero.
type facts struct {
	job   *api.JobListStub        // nil: the cluster knows no such job
	alloc *api.AllocationListStub // the one that counts; nil: none
	more  bool                    // another allocation of the job is still alive
	node  *api.Node               // of the allocation; nil where it is gone, or was not asked for
	evals []*api.Evaluation       // the newest first; only where they were asked for
	note  note                    // of this side
	known bool                    // there is a folder of this attempt on this side
	said  bool                    // the last word is in it
	now   time.Time
}

// look asks the cluster: the job, its allocations, and what else is needed to tell
// why something is not there or ends.
func (d *Dispatcher) look(ctx context.Context, k key) (f facts, err error) {
	if f.job, err = d.child(ctx, k); err != nil {
		return f, err
	}
	if f.note, err = d.readNote(k); err != nil {
		return f, err
	}
	f.now, f.known = d.Now(), f.note != note{}
	if f.said, err = dispatch.SaysFinished(filepath.Join(d.folder(k), dispatch.EventsFile), k.id, k.attempt); err != nil {
		return f, err
	}
	if f.note.Job == "" {
		return f, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	doing := fmt.Sprintf("look at run %s", k.id)
	allocs, _, err := d.Client.Jobs().Allocations(f.note.Job, true, d.query(ctx))
	if err != nil && !cluster.Is(err, cluster.ErrNotFound) {
		return f, cluster.Explain(doing, err)
	}
	if f.alloc, err = d.counts(ctx, k, f.note, allocs); err != nil {
		return f, err
	}
	f.more = slices.ContainsFunc(allocs, func(a *api.AllocationListStub) bool { return a.ID != f.alloc.ID && !ended(a) })
	if f.alloc == nil || f.alloc.DesiredStatus != api.AllocDesiredStatusRun {
		f.evals, _, err = d.Client.Jobs().Evaluations(f.note.Job, d.query(ctx))
		if err != nil && !cluster.Is(err, cluster.ErrNotFound) {
			return f, cluster.Explain(doing, err)
		}
		slices.SortFunc(f.evals, func(a, b *api.Evaluation) int { return int(b.CreateIndex) - int(a.CreateIndex) })
	}
	if f.alloc != nil && (ended(f.alloc) && !f.note.Collected || f.alloc.ClientStatus == api.AllocClientStatusUnknown) {
		f.node, err = d.node(ctx, f.alloc.NodeID)
	}
	if t := termination(f.executor()); err == nil && f.alloc != nil && (t.oom || t.signal != 0) {
		err = d.addResources(ctx, f.alloc)
	}
	return f, err
}

// addResources adds what the allocation was given, which lists leave out.
func (d *Dispatcher) addResources(ctx context.Context, a *api.AllocationListStub) error {
	whole, _, err := d.Client.Allocations().Info(a.ID, d.query(ctx))
	if err != nil && !cluster.Is(err, cluster.ErrNotFound) {
		return cluster.Explain("look at the allocation "+a.ID, err)
	}
	if whole != nil {
		a.AllocatedResources = whole.AllocatedResources
	}
	return nil
}

// counts picks the allocation that performs the attempt: the one whose files were read
// to their ends, for by then the lease may be forgotten, else the one that holds the
// lease, else the newest.
func (d *Dispatcher) counts(ctx context.Context, k key, n note, allocs []*api.AllocationListStub) (*api.AllocationListStub, error) {
	if len(allocs) == 0 {
		return nil, nil
	}
	slices.SortFunc(allocs, func(a, b *api.AllocationListStub) int { return int(b.CreateIndex) - int(a.CreateIndex) })
	if len(allocs) == 1 {
		return allocs[0], nil
	}
	holds := func(id string) func(*api.AllocationListStub) bool {
		return func(a *api.AllocationListStub) bool { return a.ID == id }
	}
	if at := slices.IndexFunc(allocs, holds(n.Alloc)); n.Collected && at >= 0 {
		return allocs[at], nil
	}
	lease, _, err := d.Client.Variables().Peek(cluster.LeasePath(k.id, k.attempt), d.query(ctx))
	if err != nil {
		return nil, cluster.Explain(fmt.Sprintf("read the lease of run %s", k.id), err)
	}
	if lease == nil {
		return allocs[0], nil
	}
	return allocs[max(0, slices.IndexFunc(allocs, holds(lease.Items[cluster.LeaseAlloc])))], nil
}

// node reads a node; nil where the cluster knows none.
func (d *Dispatcher) node(ctx context.Context, id string) (*api.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	node, _, err := d.Client.Nodes().Info(id, d.Client.Query(ctx, ""))
	if cluster.Is(err, cluster.ErrNotFound) {
		return nil, nil
	}
	return node, cluster.Explain("look at the node "+id, err)
}

// ended says whether nothing of the allocation runs any more. A failed one may still
// have its teardown at work: Nomad calls it failed as soon as one task has.
func ended(a *api.AllocationListStub) bool {
	switch a.ClientStatus {
	case api.AllocClientStatusLost:
		return true
	case api.AllocClientStatusComplete, api.AllocClientStatusFailed:
		for _, task := range a.TaskStates {
			if task.State != taskDead {
				return false
			}
		}
		return true
	}
	return false
}

// The states of a task, as Nomad writes them.
const (
	taskPending = "pending"
	taskDead    = "dead"
)

func (f facts) executor() *api.TaskState { return f.task(cluster.Executor) }

func (f facts) task(name string) *api.TaskState {
	if f.alloc == nil || f.alloc.TaskStates[name] == nil {
		return &api.TaskState{}
	}
	return f.alloc.TaskStates[name]
}

func (f facts) triggered(by string) bool {
	return slices.ContainsFunc(f.evals, func(e *api.Evaluation) bool { return e.TriggeredBy == by })
}

// away says that the allocation's node cannot be asked now.
func (f facts) away() bool { return f.node == nil || f.node.Status != api.NodeStatusReady }

// waits says whether the job has no allocation yet, but may get one.
func (f facts) waits() bool {
	return f.alloc == nil && f.job != nil && !f.job.Stop && f.job.Status != jobDead
}

// waited is how long the job has been there.
func (f facts) waited() time.Duration {
	if f.job == nil || f.job.SubmitTime == 0 {
		return 0
	}
	return f.now.Sub(time.Unix(0, f.job.SubmitTime))
}
