package nomad

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// Sweep removes the attempt's apps from the cluster, says what its teardown left on its
// node, and forgets its lease. An attempt that is not over is left alone.
func (d *Dispatcher) Sweep(ctx context.Context, id run.ID, attempt int) (run.Swept, error) {
	k := key{id, attempt}
	state, err := d.State(ctx, id, attempt)
	if err != nil {
		return run.Swept{}, err
	}
	if !state.Phase.Over() {
		return run.Swept{}, fmt.Errorf("cannot sweep run %s: it is still %s", id, state.Phase)
	}
	swept, trouble, err := app.Clean(ctx, d.Places, id, attempt)
	if err != nil {
		return run.Swept{}, errors.Join(trouble, err)
	}
	onNode, err := d.leftOnNode(ctx, k)
	if err != nil {
		return run.Swept{}, err
	}
	swept.Removed += onNode.Removed
	swept.Leftovers = append(swept.Leftovers, onNode.Leftovers...)
	trouble = errors.Join(trouble, d.removeScraps(k))
	if trouble != nil {
		d.Log.Warn("the sweep met errors", "run", id, "attempt", attempt, "err", trouble)
	}
	if err := d.endJob(ctx, k); err != nil {
		return run.Swept{}, err
	}
	return swept, d.forgetLease(ctx, k)
}

// endJob stops a job that the cluster would place again, because it lost its node: the
// lease, which keeps a second allocation from beginning, is about to go.
func (d *Dispatcher) endJob(ctx context.Context, k key) error {
	job, err := d.child(ctx, k)
	if err != nil || job == nil || job.Stop || job.Status == jobDead {
		return err
	}
	if err := d.changeNote(k, func(n *note) { n.Ended = true }); err != nil {
		return err
	}
	return d.stopJob(ctx, k, job.ID)
}

// leftOnNode says what is left where the executor ran: what its teardown task found, or,
// where that was not heard of, what the node's janitor says.
func (d *Dispatcher) leftOnNode(ctx context.Context, k key) (run.Swept, error) {
	f, err := d.look(ctx, k)
	if err != nil || f.alloc == nil || f.executor().StartedAt.IsZero() {
		return run.Swept{}, err
	}
	if f.alloc.TaskStates[cluster.Teardown] == nil {
		return run.Swept{}, nil // the builder answers for its node by itself
	}
	said, heard, err := readSwept(filepath.Join(d.folder(k), cluster.SweptFile))
	if err != nil {
		return run.Swept{}, err
	}
	if heard && len(said.Leftovers) == 0 {
		return said, nil
	}
	log := d.Log.With("run", k.id, "attempt", k.attempt, "node", f.alloc.NodeName)
	node, err := d.node(ctx, f.alloc.NodeID)
	if err != nil {
		return run.Swept{}, err
	}
	lost := f.alloc.ClientStatus == api.AllocClientStatusLost && node != nil && node.Status != api.NodeStatusReady
	if node == nil || node.Status == api.NodeStatusDown || lost {
		log.Warn("the node is gone; nothing there can be looked at, and nothing there takes a slot")
		return run.Swept{}, nil
	}
	clean, err := d.janitorLooked(ctx, f.alloc)
	if err != nil || clean {
		return run.Swept{}, err
	}
	if heard {
		return said, nil
	}
	return run.Swept{Leftovers: []run.Leftover{{
		Kind: "node", Name: f.alloc.NodeName, Detail: "its own sweep was not heard of yet; the janitor job looks at it",
	}}}, nil
}

// janitorLooked says whether a janitor that began after the attempt's end has ended well
// on the same node.
func (d *Dispatcher) janitorLooked(ctx context.Context, a *api.AllocationListStub) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	q := d.query(ctx)
	q.Filter = fmt.Sprintf("NodeID == %q and ClientStatus == %q and JobID matches %q", a.NodeID, api.AllocClientStatusComplete, "^"+cluster.JobJanitor+"(/|$)")
	allocs, _, err := d.Client.Allocations().List(q)
	if err != nil {
		return false, cluster.Explain("look for the janitor of node "+a.NodeName, err)
	}
	end := endOf(a)
	for _, janitor := range allocs {
		if began, ok := beganAt(janitor); ok && began.After(end) {
			return true, nil
		}
	}
	return false, nil
}

// endOf is when the last of an allocation's tasks ended.
func endOf(a *api.AllocationListStub) time.Time {
	end := time.Time{}
	for _, task := range a.TaskStates {
		if task.FinishedAt.After(end) {
			end = task.FinishedAt
		}
	}
	if end.IsZero() {
		end = time.Unix(0, a.ModifyTime)
	}
	return end
}

// beganAt is when the first of an allocation's tasks began. ok is false where one failed.
func beganAt(a *api.AllocationListStub) (began time.Time, ok bool) {
	for _, task := range a.TaskStates {
		if task.Failed {
			return time.Time{}, false
		}
		if began.IsZero() || !task.StartedAt.IsZero() && task.StartedAt.Before(began) {
			began = task.StartedAt
		}
	}
	return began, !began.IsZero()
}

func readSwept(path string) (swept run.Swept, heard bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return run.Swept{}, false, nil
	}
	if err != nil {
		return run.Swept{}, false, fmt.Errorf("cannot read what the teardown said: %w", err)
	}
	// A damaged one says nothing.
	return swept, json.Unmarshal(text, &swept) == nil, nil
}

func (d *Dispatcher) forgetLease(ctx context.Context, k key) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, err := d.Client.Variables().Delete(cluster.LeasePath(k.id, k.attempt), d.write(ctx))
	if cluster.Is(err, cluster.ErrNotFound) {
		return nil
	}
	return cluster.Explain(fmt.Sprintf("forget the lease of run %s", k.id), err)
}
