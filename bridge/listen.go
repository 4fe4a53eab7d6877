package bridge

import (
	"context"
	"fmt"

	"seatrial/bridge/retry"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// listen follows the journal, to which other processes append as well, and passes each
// event on to the parts that act on it.
func (b *Bridge) listen(ctx context.Context, from journal.Position) error {
	retry.Loop{Longest: longestRetry, Now: b.Now, Log: b.Log}.Until(ctx, "follow the journal", func() error {
		for entry, err := range b.Journal.Follow(ctx, from) {
			if err != nil {
				return err
			}
			from = entry.Position
			b.heard(ctx, entry.Event)
		}
		if ctx.Err() == nil {
			return fmt.Errorf("the journal ended at %d", from)
		}
		return nil
	})
	return nil
}

func (b *Bridge) heard(ctx context.Context, e run.Event) {
	b.announcer.Changed(e.Run)
	b.attempts.Heard(ctx, e)
	switch e.Kind {
	case run.KindRequested, run.KindDispatching, run.KindEnded:
		b.announceWaiting(ctx)
	}
	switch e.Kind {
	case run.KindStarted:
		b.routeStarted(ctx, e.Run)
	case run.KindDispatching, run.KindLost, run.KindTornDown, run.KindFinished, run.KindSwept, run.KindEnded:
		b.routes.remove(e.Run)
	}
}

// announceWaiting updates the queue positions in the comments of waiting runs.
func (b *Bridge) announceWaiting(ctx context.Context) {
	open, err := b.Journal.Reports(ctx, journal.Filter{Open: true, Limit: maxOpen})
	if err != nil {
		return // positions are a courtesy; the next event updates them
	}
	for _, r := range open {
		if r.State == run.Waiting {
			b.announcer.Changed(r.Request.ID)
		}
	}
}

func (b *Bridge) routeStarted(ctx context.Context, id run.ID) {
	r, err := b.Journal.Report(ctx, id)
	if err != nil {
		b.Log.Error("cannot read where a run's app is", "run", id, "err", err)
		return
	}
	b.routes.set(r)
}
