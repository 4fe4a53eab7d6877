package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// censusLimit is for the first question to the place, before anything is started. A
// place that does not answer is asked again later.
const censusLimit = 20 * time.Second

// takeCensus counts what lives at the place of the dispatcher against the capacity.
func (b *Bridge) takeCensus(ctx context.Context) {
	if _, ok := b.Dispatcher.(dispatch.Census); !ok {
		return
	}
	first, cancel := context.WithTimeout(ctx, censusLimit)
	defer cancel()
	if err := b.countStrays(first, ctx); err == nil {
		return
	}
	b.runs.Go(func() {
		again(ctx, b.Log, "count what lives", longestRetry, func() error { return b.countStrays(ctx, ctx) })
	})
}

// countStrays asks within one context, and reclaims what it finds within another.
func (b *Bridge) countStrays(ask, ctx context.Context) error {
	open, err := b.Journal.Reports(ask, journal.Filter{Open: true, Limit: many})
	if err != nil {
		return err
	}
	strays, err := b.strays(ask, open)
	if err != nil {
		return err
	}
	var taken []run.Report
	for _, a := range strays {
		if r, ok := b.occupied(ask, a); ok {
			taken = append(taken, r)
		}
		b.runs.Go(func() { b.reclaim(ctx, a) })
	}
	b.Queue.Restore(taken)
	return nil
}

// strays are the attempts that live at the place of the dispatcher although, as far
// as the journal knows, they should not: their run has ended, is at another attempt,
// or was never heard of. They take up what a slot stands for, so each is counted as
// one, and is stopped and swept like a dirty one.
func (b *Bridge) strays(ctx context.Context, open []run.Report) ([]dispatch.Attempt, error) {
	current := map[run.ID]int{}
	for _, r := range open {
		current[r.Request.ID] = r.Attempt
	}
	live, err := b.Dispatcher.(dispatch.Census).Live(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot find out which runs live: %w", err)
	}
	var strays []dispatch.Attempt
	for _, a := range live {
		if attempt, ok := current[a.Run]; !ok || attempt > a.Attempt {
			strays = append(strays, a)
		}
	}
	return strays, nil
}

// occupied is a stray as the queue counts it. A run at a later attempt has its slot.
func (b *Bridge) occupied(ctx context.Context, a dispatch.Attempt) (run.Report, bool) {
	left := []run.Leftover{{Kind: "job", Name: a.Name, Detail: "it still runs although its run is over"}}
	r, err := b.Journal.Report(ctx, a.Run)
	if err != nil {
		r = run.Report{Request: run.Request{ID: a.Run}, Attempt: a.Attempt}
	} else if r.State != run.Ended {
		return r, false
	}
	r.State, r.Leftovers = run.Ended, left
	return r, true
}

// reclaim stops a stray and sweeps what it leaves, again and again until nothing is.
func (b *Bridge) reclaim(ctx context.Context, a dispatch.Attempt) {
	log := b.Log.With("run", a.Run, "attempt", a.Attempt, "job", a.Name)
	log.Warn("an attempt still runs although its run is over; stopping it")
	again(ctx, log, "reclaim a slot", cleanPause, func() error {
		if err := b.Dispatcher.Stop(ctx, a.Run, a.Attempt); err != nil {
			return err
		}
		for _, err := range b.Dispatcher.Follow(ctx, a.Run, a.Attempt, 0) {
			if err != nil {
				return err
			}
		}
		return b.clean(ctx, a.Run, a.Attempt)
	})
}

// clean sweeps once and gives the slot back if nothing is left.
func (b *Bridge) clean(ctx context.Context, id run.ID, attempt int) error {
	swept, err := b.Dispatcher.Sweep(ctx, id, attempt)
	if err != nil {
		return err
	}
	if n := len(swept.Leftovers); n > 0 {
		return fmt.Errorf("still there: %s %s (%d in all)", swept.Leftovers[0].Kind, swept.Leftovers[0].Name, n)
	}
	r, err := b.Journal.Report(ctx, id)
	switch {
	case errors.Is(err, journal.ErrUnknownRun): // nobody wrote it down, so nobody asks
	case err != nil:
		return err
	case isDirty(r):
		if err := b.Journal.Append(ctx, b.event(id, attempt, run.KindSwept).With(swept)); err != nil {
			return err
		}
	}
	b.Queue.Clean(id)
	return nil
}
