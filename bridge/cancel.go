package bridge

import (
	"context"
	"time"

	"seatrial/harness/run"
)

// grace is how long after its lease a run may still be tearing down.
const grace = time.Minute

// cancel acts on a wish to cancel: what waits ends at once, what runs is stopped.
func (b *Bridge) cancel(ctx context.Context, id run.ID) {
	again(ctx, b.Log.With("run", id), "cancel a run", longestRetry, func() error {
		state, err := b.endWaiting(ctx, id)
		switch {
		case err != nil:
			return err
		case state == run.Waiting:
			b.Queue.Remove(id)
		case state != run.Ended:
			b.askToStop(id)
		}
		return nil
	})
}

// endWaiting ends a run that has no slot yet, and returns the state in which it was.
func (b *Bridge) endWaiting(ctx context.Context, id run.ID) (run.State, error) {
	b.deciding.Lock()
	defer b.deciding.Unlock()
	r, err := b.Journal.Report(ctx, id)
	if err != nil || r.State != run.Waiting {
		return r.State, err
	}
	ended := b.event(id, r.Attempt, run.KindEnded)
	ended.Note = string(run.EndCancelled)
	return run.Waiting, b.Journal.Append(ctx, ended)
}

// cancelled is closed when somebody asked to cancel the run.
func (b *Bridge) cancelled(id run.ID) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancels[id] == nil {
		b.cancels[id] = make(chan struct{})
	}
	return b.cancels[id]
}

func (b *Bridge) askToStop(id run.ID) {
	c := b.cancelled(id)
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-c:
	default:
		close(c)
	}
}

func (b *Bridge) forgetCancel(id run.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.cancels, id)
}

// stopInTime stops an attempt that somebody cancelled, or that outlived its lease
// although it has a time limit of its own. It asks again while the attempt lives.
func (b *Bridge) stopInTime(ctx context.Context, f facts) {
	r := f.report
	if r.CancelAsked != "" {
		b.askToStop(r.Request.ID)
	}
	late := make(<-chan time.Time)
	if !r.Lease.Expires.IsZero() {
		timer := time.NewTimer(r.Lease.Expires.Add(grace).Sub(b.Now()))
		defer timer.Stop()
		late = timer.C
	}
	log := b.Log.With("run", r.Request.ID, "attempt", r.Attempt)
	select {
	case <-ctx.Done():
		return
	case <-b.cancelled(r.Request.ID):
	case <-late:
		log.Error("the run outlived its lease; stopping it", "expired", r.Lease.Expires)
	}
	for ctx.Err() == nil {
		again(ctx, log, "stop a run", longestRetry, func() error {
			return b.Dispatcher.Stop(ctx, r.Request.ID, r.Attempt)
		})
		sleep(ctx, stopPause, nil)
	}
}
