package attempt

import (
	"context"
	"errors"
	"fmt"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/ledger"
	"seatrial/bridge/retry"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// dispatchTries take about a minute; then the attempt is lost.
const dispatchTries = 5

// dispatch hands the attempt to the executor, but never a second time after a restart: an
// attempt that the executor does not know then is lost.
func (d *driver) dispatch(ctx context.Context, f facts) error {
	r := f.report
	why := "the bridge was restarted while it was being started, and the executor knows nothing of it"
	if d.dispatches {
		err := d.copyPrivate(ctx, r.Request)
		if err == nil {
			err = retry.Briefly(ctx, dispatchTries, func() error {
				return d.Dispatcher.Dispatch(ctx, r.Request, r.Attempt, r.Lease)
			})
		}
		if err == nil {
			return d.Journal.Append(ctx, d.event(d.id, r.Attempt, run.KindDispatched))
		}
		if ctx.Err() != nil {
			return err
		}
		why = fmt.Sprintf("it could not be started: %v", err)
	}
	state, err := d.Dispatcher.State(ctx, d.id, r.Attempt)
	if err != nil {
		return err
	}
	if state.Phase != dispatch.Unknown {
		return d.Journal.Append(ctx, d.event(d.id, r.Attempt, run.KindDispatched))
	}
	return d.markLost(ctx, f, why)
}

func (d *driver) markLost(ctx context.Context, f facts, why string) error {
	lost := d.event(d.id, f.report.Attempt, run.KindLost)
	lost.Note = why
	return d.Journal.Append(ctx, lost)
}

// endUndispatched ends an attempt that was cancelled before it was dispatched, unless the
// executor knows more of it than the journal.
func (d *driver) endUndispatched(ctx context.Context, f facts) error {
	state, err := d.Dispatcher.State(ctx, d.id, f.report.Attempt)
	if err != nil {
		return err
	}
	if !state.Phase.Over() {
		return d.Journal.Append(ctx, d.event(d.id, f.report.Attempt, run.KindDispatched))
	}
	return d.sweep(ctx, f)
}

// follow copies the attempt's events into the journal until it is over, then sweeps.
func (d *driver) follow(ctx context.Context, f facts) error {
	attempt := f.report.Attempt
	following, done := context.WithCancel(ctx)
	defer done()
	d.work.Go(func() { d.stopInTime(following, f) })

	for e, err := range d.Dispatcher.Follow(ctx, d.id, attempt, f.lastSeq) {
		if err != nil {
			return fmt.Errorf("cannot follow attempt %d: %w", attempt, err)
		}
		if err := d.copy(ctx, attempt, e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	state, err := d.Dispatcher.State(ctx, d.id, attempt)
	if err != nil {
		return err
	}
	if !state.Phase.Over() {
		return fmt.Errorf("cannot follow attempt %d: its events ended, but its executor says that it is %s", attempt, state.Phase)
	}
	now, err := d.facts(ctx)
	if err != nil {
		return err
	}
	switch {
	case now.answered(), now.cancelled():
		return d.sweep(ctx, now)
	case state.Cause == dispatch.Withdrawn:
		return d.cancelledElsewhere(ctx, now, state)
	case state.Cause == dispatch.Displaced, !now.finished && !now.interrupted:
		// A harness that is told to stop does not know why. That the executor took away what it
		// ran on is our failure.
		return d.markLost(ctx, now, lastSeen(state))
	}
	return d.sweep(ctx, now)
}

// cancelledElsewhere records that somebody stopped the attempt at the executor, without
// telling us. That counts as a cancel, and never as a result.
func (d *driver) cancelledElsewhere(ctx context.Context, f facts, state dispatch.State) error {
	asked := d.event(d.id, f.report.Attempt, run.KindCancelAsked)
	asked.Note = "an operator: stopped where it ran"
	if err := d.Journal.Append(ctx, asked); err != nil {
		return err
	}
	d.Audit(ctx, ledger.AuditEntry{Who: "operator", What: "cancel", Subject: "run " + string(d.id), Why: lastSeen(state)})
	return nil
}

func lastSeen(s dispatch.State) string {
	switch {
	case s.Detail != "":
		return s.Detail
	case s.Cause == dispatch.Withdrawn:
		return "somebody stopped it where it ran"
	case s.Phase == dispatch.Unknown:
		return "the executor no longer knows of it"
	}
	return "it ended without its last word"
}

// copy appends one event of the harness to the journal. It drops what a harness must not
// say and what the journal does not take; the run goes on.
func (d *driver) copy(ctx context.Context, attempt int, e run.Event) error {
	log := d.log(d.id).With("attempt", attempt)
	if e.Run != d.id || e.Attempt != attempt || e.Source != run.Harness || !fromHarness(e.Kind) {
		log.Error("dropped an event that is not the harness's to write", "kind", e.Kind, "seq", e.Seq)
		return nil
	}
	err := d.Journal.Append(ctx, e)
	if errors.Is(err, journal.ErrUnfit) {
		log.Error("dropped an event that the journal does not take", "err", err)
		return nil
	}
	return err
}
