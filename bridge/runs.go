package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// longestRetry is the longest pause between tries to write down or do what has to
// be done about a run.
const longestRetry = 30 * time.Second

// recent is how many ended runs are looked through for slots that are still dirty,
// and for how long recipes take.
const recent = 200

// resume works out from the journal what an earlier process left to do.
func (b *Bridge) resume(ctx context.Context) error {
	open, err := b.Journal.Reports(ctx, journal.Filter{Open: true, Limit: many})
	if err != nil {
		return fmt.Errorf("cannot read the open runs: %w", err)
	}
	ended, err := b.Journal.Reports(ctx, journal.Filter{Ended: true, Limit: recent})
	if err != nil {
		return fmt.Errorf("cannot read the latest runs: %w", err)
	}
	for i := range ended {
		if !isDirty(ended[i]) {
			ended[i].Leftovers = nil // gone by now
		}
	}
	b.Queue.Restore(append(slices.Clone(open), ended...))
	b.takeCensus(ctx)
	for _, r := range ended {
		if isDirty(r) {
			b.runs.Go(func() { b.cleanLater(ctx, r.Request.ID, r.Attempt) })
		}
	}
	for _, r := range open {
		id := r.Request.ID
		switch {
		case r.State != run.Waiting:
			b.route(r)
			b.runs.Go(func() { b.drive(ctx, id, false) })
		case r.CancelAsked != "":
			b.runs.Go(func() { b.cancel(ctx, id) })
		}
	}
	return nil
}

func isDirty(r run.Report) bool {
	return r.State == run.Ended && len(r.Leftovers) > 0 && r.CleanedAt.IsZero()
}

// takeTurns hands slots to waiting runs. Each is written down before the next slot is
// given, so that the journal has them in the order of the queue.
func (b *Bridge) takeTurns(ctx context.Context) error {
	for ctx.Err() == nil {
		request, lease, err := b.Queue.Take(ctx)
		if err != nil {
			if ctx.Err() == nil {
				b.Log.Error("cannot take the next run from the queue", "err", err)
				sleep(ctx, time.Second, nil)
			}
			continue
		}
		began, err := b.begin(ctx, request, lease)
		b.runs.Go(func() {
			if err != nil { // nobody behind it waits for that
				again(ctx, b.Log.With("run", request.ID), "begin a run", longestRetry, func() error {
					began, err = b.begin(ctx, request, lease)
					return err
				})
			}
			switch {
			case began:
				b.drive(ctx, request.ID, true)
			case ctx.Err() == nil:
				b.Queue.Release(request.ID, nil)
			}
		})
	}
	return nil
}

// begin writes down that the run has its slot. A run that was superseded or cancelled
// at the last moment has not begun. One that stands in the journal as begun was begun
// here, by a try that seemed to fail: nobody else is handed the run.
func (b *Bridge) begin(ctx context.Context, request run.Request, lease run.Lease) (bool, error) {
	b.deciding.Lock()
	defer b.deciding.Unlock()
	r, err := b.Journal.Report(ctx, request.ID)
	if err != nil {
		return false, err
	}
	if r.State != run.Waiting || r.CancelAsked != "" {
		return r.State != run.Waiting && r.State != run.Ended, nil
	}
	err = b.Journal.Append(ctx, b.event(request.ID, 1, run.KindDispatching).With(lease))
	return err == nil, err
}

func (b *Bridge) event(id run.ID, attempt int, kind run.Kind) run.Event {
	return run.Event{Run: id, Attempt: attempt, Source: run.Bridge, At: b.Now(), Kind: kind}
}

// drive does what is next about a run that has a slot, again and again, until it
// has ended. fresh says that this process has just written down that the attempt is
// being dispatched, so that dispatching it is not a second time.
func (b *Bridge) drive(ctx context.Context, id run.ID, fresh bool) {
	log := b.Log.With("run", id)
	defer b.forgetCancel(id)
	for ended := false; !ended && ctx.Err() == nil; {
		again(ctx, log, "go on with a run", longestRetry, func() error {
			var err error
			ended, err = b.next(ctx, id, &fresh)
			return err
		})
	}
}

// next does one thing.
func (b *Bridge) next(ctx context.Context, id run.ID, fresh *bool) (ended bool, err error) {
	f, err := b.facts(ctx, id)
	if err != nil {
		return false, err
	}
	switch {
	case f.report.State == run.Ended:
		b.giveBack(ctx, f)
		return true, nil
	case f.swept:
		return false, b.conclude(ctx, f, fresh)
	case f.lost:
		return false, b.sweep(ctx, f)
	case !f.dispatched && f.cancelled():
		return false, b.abandon(ctx, f)
	case !f.dispatched:
		return false, b.dispatch(ctx, f, *fresh)
	}
	return false, b.follow(ctx, f)
}

func (b *Bridge) facts(ctx context.Context, id run.ID) (facts, error) {
	events, err := b.Journal.Events(ctx, id)
	if err != nil {
		return facts{}, err
	}
	return factsOf(events)
}

// conclude ends the run, or begins the one more attempt that it gets where we
// failed. That attempt takes its slot anew: a lease is stamped once and never extended.
func (b *Bridge) conclude(ctx context.Context, f facts, fresh *bool) error {
	r := f.report
	if !f.again() {
		ended := b.event(r.Request.ID, r.Attempt, run.KindEnded)
		ended.Note = string(f.ending())
		return b.Journal.Append(ctx, ended)
	}
	lease, ok := b.Queue.Renew(r.Request.ID)
	if !ok {
		return fmt.Errorf("cannot begin attempt %d: the run has no slot", r.Attempt+1)
	}
	// Said before it is written: should that seem to fail and yet have happened, the
	// new attempt is this process's all the same.
	*fresh = true
	return b.Journal.Append(ctx, b.event(r.Request.ID, r.Attempt+1, run.KindDispatching).With(lease))
}

// giveBack releases the slot; what was left keeps it dirty until it is gone.
func (b *Bridge) giveBack(ctx context.Context, f facts) {
	id := f.report.Request.ID
	b.Queue.Release(id, f.report.Leftovers)
	if isDirty(f.report) {
		b.runs.Go(func() { b.cleanLater(ctx, id, f.report.Attempt) })
	}
}
