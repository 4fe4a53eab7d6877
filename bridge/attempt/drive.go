package attempt

import (
	"context"
	"fmt"

	"seatrial/harness/run"
)

// driver does what is next about one run that has a slot.
type driver struct {
	*Runs
	id run.ID
	// dispatches: this process has just recorded that it dispatches the attempt. Otherwise an
	// earlier process may have dispatched it already.
	dispatches bool
	cancelled  <-chan struct{} // closed when somebody asks to cancel the run
}

// drive does what is next, again and again, until the run has ended.
func (rs *Runs) drive(ctx context.Context, id run.ID, dispatches bool) {
	// Before the journal is first read, so that no cancel falls in between.
	cancelled, forget := rs.cancels.register(id)
	defer forget()
	d := &driver{Runs: rs, id: id, dispatches: dispatches, cancelled: cancelled}
	for ended := false; !ended && ctx.Err() == nil; {
		rs.until(ctx, rs.log(id), "go on with a run", func() error {
			var err error
			ended, err = d.next(ctx)
			return err
		})
	}
}

// next does one thing.
func (d *driver) next(ctx context.Context) (ended bool, err error) {
	f, err := d.facts(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case f.report.State == run.Ended:
		d.release(ctx, f)
		return true, nil
	case f.swept:
		return false, d.conclude(ctx, f)
	case f.lost:
		return false, d.sweep(ctx, f)
	case !f.dispatched && f.cancelled():
		return false, d.endUndispatched(ctx, f)
	case !f.dispatched:
		return false, d.dispatch(ctx, f)
	}
	return false, d.follow(ctx, f)
}

func (d *driver) facts(ctx context.Context) (facts, error) {
	events, err := d.Journal.Events(ctx, d.id)
	if err != nil {
		return facts{}, err
	}
	return factsOf(events)
}

// conclude ends the run, or begins the second attempt that it gets if we failed. That one
// gets a new lease: a lease is stamped once and never extended.
func (d *driver) conclude(ctx context.Context, f facts) error {
	attempt := f.report.Attempt
	if !f.retryable() {
		ended := d.event(d.id, attempt, run.KindEnded)
		ended.Note = string(f.ending())
		return d.Journal.Append(ctx, ended)
	}
	lease, ok := d.Queue.Renew(d.id)
	if !ok {
		return fmt.Errorf("cannot begin attempt %d: the run has no slot", attempt+1)
	}
	// Set before it is recorded: if recording only seems to fail, the new attempt is still
	// ours to dispatch.
	d.dispatches = true
	return d.Journal.Append(ctx, d.event(d.id, attempt+1, run.KindDispatching).With(lease))
}

// release gives the slot back. Leftovers keep it dirty until they are gone.
func (d *driver) release(ctx context.Context, f facts) {
	d.Queue.Release(d.id, f.report.Leftovers)
	if isDirty(f.report) {
		d.work.Go(func() { d.cleanLater(ctx, d.id, f.report.Attempt) })
	}
}
