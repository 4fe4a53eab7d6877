package nomad

import (
	"context"
	"fmt"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// Stop stops the attempt's allocations: its executor is asked to end, its teardown runs.
// Where there is none yet, the job is stopped, so that there never will be; so it is where
// the node does not answer, for Nomad begins an allocation that is stopped while its
// node is disconnected again when the node is back, whatever the job's reschedule block
// says. That it was us is noted first.
func (d *Dispatcher) Stop(ctx context.Context, id run.ID, attempt int) error {
	k := key{id, attempt}
	job, err := d.child(ctx, k)
	if err != nil {
		return err
	}
	known, err := d.readNote(k)
	if err != nil || known.Job == "" {
		return err
	}
	doing := fmt.Sprintf("stop run %s", id)
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	allocs, _, err := d.Client.Jobs().Allocations(known.Job, true, d.query(asking))
	if err != nil && !cluster.Is(err, cluster.ErrNotFound) {
		return cluster.Explain(doing, err)
	}
	var alive []*api.AllocationListStub
	away := false
	for _, a := range allocs {
		if !ended(a) && a.DesiredStatus == api.AllocDesiredStatusRun {
			alive = append(alive, a)
			away = away || a.ClientStatus == api.AllocClientStatusUnknown
		}
	}
	waits := (len(allocs) == 0 || away) && job != nil && !job.Stop && job.Status != jobDead
	if len(alive) == 0 && !waits {
		return nil
	}
	if err := d.changeNote(k, func(n *note) { n.Stopped = true }); err != nil {
		return err
	}
	if waits {
		return d.stopJob(ctx, k, known.Job)
	}
	for _, a := range alive {
		q := d.query(asking)
		// Without this, Nomad places another allocation for one that is stopped; with it,
		// the job's own reschedule block decides, which allows none.
		q.Params = map[string]string{"reschedule": "true"}
		if _, err := d.Client.Allocations().Stop(&api.Allocation{ID: a.ID}, q); err != nil {
			return cluster.Explain(doing, err)
		}
	}
	return nil
}

// stopJob stops the job itself.
func (d *Dispatcher) stopJob(ctx context.Context, k key, job string) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, _, err := d.Client.Jobs().Deregister(job, false, d.write(ctx))
	return cluster.Explain(fmt.Sprintf("stop the job of run %s", k.id), err)
}
