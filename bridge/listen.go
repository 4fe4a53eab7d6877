package bridge

import (
	"context"
	"fmt"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// listen follows the journal, to which other processes append as well, and tells
// everybody who has to act.
func (b *Bridge) listen(ctx context.Context, from journal.Position) error {
	again(ctx, b.Log, "follow the journal", longestRetry, func() error {
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
	switch e.Kind {
	case run.KindRequested:
		b.runs.Go(func() { b.enqueue(ctx, e.Run) })
	case run.KindEnded:
		b.Queue.Remove(e.Run)
	}
	switch e.Kind {
	case run.KindCancelAsked:
		b.runs.Go(func() { b.cancel(ctx, e.Run) })
	case run.KindRequested, run.KindDispatching, run.KindEnded:
		b.tellWaiting(ctx)
	}
	switch e.Kind {
	case run.KindStarted:
		b.routeStarted(ctx, e.Run)
	case run.KindDispatching, run.KindLost, run.KindTornDown, run.KindFinished, run.KindSwept, run.KindEnded:
		b.unroute(e.Run)
	}
}

// enqueue has a run wait for its turn that the journal holds. Whoever wrote it down
// has done so already, unless the writing seemed to fail.
func (b *Bridge) enqueue(ctx context.Context, id run.ID) {
	again(ctx, b.Log.With("run", id), "let a run wait for its turn", longestRetry, func() error {
		b.deciding.Lock()
		defer b.deciding.Unlock()
		r, err := b.Journal.Report(ctx, id)
		if err == nil && r.State == run.Waiting && r.CancelAsked == "" {
			b.Queue.Add(r.Request)
		}
		return err
	})
}

// tellWaiting has the places in the queue said anew.
func (b *Bridge) tellWaiting(ctx context.Context) {
	open, err := b.Journal.Reports(ctx, journal.Filter{Open: true, Limit: many})
	if err != nil {
		return // places are a courtesy; the next event tells them
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
	b.route(r)
}

// route tells where the app of a run can be reached while it lives. The label is the
// run's own, whatever its events say.
func (b *Bridge) route(r run.Report) {
	if b.Routes == nil || r.State != run.Running || r.Started == nil || r.Started.Gateway == "" {
		return
	}
	label := r.Request.ID.Label(r.Request.Recipe)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.labels[r.Request.ID] = label
	addr := r.Started.Gateway
	if r.Started.GatewayTLS {
		addr = "https://" + addr
	}
	b.Routes.Set(label, addr)
}

func (b *Bridge) unroute(id run.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if label, ok := b.labels[id]; ok {
		delete(b.labels, id)
		b.Routes.Remove(label)
	}
}
