package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const (
	// dispatchTries and sweepTries are within about a minute: then the run goes on
	// without, and says so.
	dispatchTries = 5
	sweepTries    = 5
	// cleanPause is the longest between two looks at a dirty slot.
	cleanPause = 10 * time.Minute
	// stopPause is between two requests to stop what does not.
	stopPause = time.Minute
)

// dispatch hands the attempt to its place. After a restart it never does so a
// second time: what the place does not know then is lost.
func (b *Bridge) dispatch(ctx context.Context, f facts, fresh bool) error {
	r := f.report
	why := "the bridge was restarted while it was being started, and its place knows nothing of it"
	if fresh {
		err := b.copyPrivate(ctx, r.Request)
		if err == nil {
			err = briefly(ctx, dispatchTries, func() error {
				return b.Dispatcher.Dispatch(ctx, r.Request, r.Attempt, r.Lease)
			})
		}
		if err == nil {
			return b.Journal.Append(ctx, b.event(r.Request.ID, r.Attempt, run.KindDispatched))
		}
		if ctx.Err() != nil {
			return err
		}
		why = fmt.Sprintf("it could not be started: %v", err)
	}
	state, err := b.Dispatcher.State(ctx, r.Request.ID, r.Attempt)
	if err != nil {
		return err
	}
	if state.Phase != dispatch.Unknown {
		return b.Journal.Append(ctx, b.event(r.Request.ID, r.Attempt, run.KindDispatched))
	}
	return b.lose(ctx, f, why)
}

func (b *Bridge) lose(ctx context.Context, f facts, why string) error {
	lost := b.event(f.report.Request.ID, f.report.Attempt, run.KindLost)
	lost.Note = why
	return b.Journal.Append(ctx, lost)
}

// abandon ends an attempt that was cancelled before it was dispatched. The place is
// told all the same: it may know more than the journal.
func (b *Bridge) abandon(ctx context.Context, f facts) error {
	id, attempt := f.report.Request.ID, f.report.Attempt
	state, err := b.Dispatcher.State(ctx, id, attempt)
	if err != nil {
		return err
	}
	if !state.Phase.Over() {
		return b.Journal.Append(ctx, b.event(id, attempt, run.KindDispatched))
	}
	return b.sweep(ctx, f)
}

// follow copies the attempt's events into the journal until it is over, then sees
// to what it left.
func (b *Bridge) follow(ctx context.Context, f facts) error {
	id, attempt := f.report.Request.ID, f.report.Attempt
	stopping, done := context.WithCancel(ctx)
	defer done()
	b.runs.Go(func() { b.stopInTime(stopping, f) })

	for e, err := range b.Dispatcher.Follow(ctx, id, attempt, f.lastSeq) {
		if err != nil {
			return fmt.Errorf("cannot follow attempt %d: %w", attempt, err)
		}
		if err := b.copy(ctx, id, attempt, e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	state, err := b.Dispatcher.State(ctx, id, attempt)
	if err != nil {
		return err
	}
	if !state.Phase.Over() {
		return fmt.Errorf("cannot follow attempt %d: its events ended, but its place says that it is %s", attempt, state.Phase)
	}
	now, err := b.facts(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case now.answered(), now.cancelled():
		return b.sweep(ctx, now)
	case state.Cause == dispatch.Withdrawn:
		return b.withdraw(ctx, now, state)
	case state.Cause == dispatch.Displaced, !now.finished && !now.interrupted:
		// Whoever is told to stop does not know why: what its place took away is our failure.
		return b.lose(ctx, now, lastSeen(state))
	}
	return b.sweep(ctx, now)
}

// withdraw writes down that somebody stopped the attempt where it ran, past us: that
// is a wish to cancel, and never an answer.
func (b *Bridge) withdraw(ctx context.Context, f facts, state dispatch.State) error {
	asked := b.event(f.report.Request.ID, f.report.Attempt, run.KindCancelAsked)
	asked.Note = "an operator: stopped where it ran"
	if err := b.Journal.Append(ctx, asked); err != nil {
		return err
	}
	b.record(ctx, ledger.AuditEntry{Who: "operator", What: "cancel", Subject: "run " + string(asked.Run), Why: lastSeen(state)})
	return nil
}

func lastSeen(s dispatch.State) string {
	switch {
	case s.Detail != "":
		return s.Detail
	case s.Cause == dispatch.Withdrawn:
		return "somebody stopped it where it ran"
	case s.Phase == dispatch.Unknown:
		return "its place knows nothing of it any more"
	}
	return "it ended without its last word"
}

// copy appends one event of the harness. What speaks for somebody else, or cannot
// be kept, is left out: the run goes on without it.
func (b *Bridge) copy(ctx context.Context, id run.ID, attempt int, e run.Event) error {
	if e.Run != id || e.Attempt != attempt || e.Source != run.Harness || !fromHarness(e.Kind) {
		b.Log.Error("dropped an event that is not the harness's to write", "run", id, "attempt", attempt, "kind", e.Kind, "seq", e.Seq)
		return nil
	}
	err := b.Journal.Append(ctx, e)
	if errors.Is(err, journal.ErrUnfit) {
		b.Log.Error("dropped an event that the journal does not take", "run", id, "attempt", attempt, "err", err)
		return nil
	}
	return err
}

// sweep removes what the attempt left, looks again, and writes down what is still
// there. Where it cannot even look, that counts as something left.
func (b *Bridge) sweep(ctx context.Context, f facts) error {
	id, attempt := f.report.Request.ID, f.report.Attempt
	var swept run.Swept
	err := briefly(ctx, sweepTries, func() error {
		found, err := b.Dispatcher.Sweep(ctx, id, attempt)
		if err != nil {
			return err
		}
		swept.Removed += found.Removed
		if swept.Leftovers = found.Leftovers; len(swept.Leftovers) > 0 {
			return fmt.Errorf("%d objects are left", len(swept.Leftovers))
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && len(swept.Leftovers) == 0 {
		swept.Leftovers = []run.Leftover{{Kind: "unknown", Name: "what the run left", Detail: fmt.Sprintf("it could not be looked for: %v", err)}}
	}
	return b.Journal.Append(ctx, b.event(id, attempt, run.KindSwept).With(swept))
}

// cleanLater sweeps a dirty slot until nothing is left, then gives it back.
func (b *Bridge) cleanLater(ctx context.Context, id run.ID, attempt int) {
	again(ctx, b.Log.With("run", id), "clean a slot", cleanPause, func() error { return b.clean(ctx, id, attempt) })
}

// briefly tries a few times with growing pauses and returns the last error.
func briefly(ctx context.Context, tries uint, try func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.Multiplier = time.Second, 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, try() },
		backoff.WithBackOff(pauses), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
	return err
}
