package attempt

import (
	"context"
	"sync"
	"time"

	"seatrial/bridge/ledger"
	"seatrial/harness/run"
	"seatrial/internal/pause"
)

const (
	// leaseGrace is how long after its lease a run may still be tearing down.
	leaseGrace = time.Minute
	// stopPause is between two requests to stop what does not.
	stopPause = time.Minute
)

// cancels lets drivers be told of a cancel. A run has an entry while it has a driver; a
// driver that begins later finds the cancel in the journal.
type cancels struct {
	mu sync.Mutex
	of map[run.ID]context.CancelFunc
}

// register lets a run be cancelled until it is forgotten.
func (c *cancels) register(id run.ID) (cancelled <-chan struct{}, forget func()) {
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[id] = cancel
	return ctx.Done(), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.of, id)
		cancel()
	}
}

// tell tells the run's driver, if there is one.
func (c *cancels) tell(id run.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.of[id]; cancel != nil {
		cancel()
	}
}

// cancel acts on a request to cancel: a waiting run ends at once, a running one is stopped.
func (rs *Runs) cancel(ctx context.Context, id run.ID) {
	rs.until(ctx, rs.log(id), "cancel a run", func() error {
		state, err := rs.endWaiting(ctx, id, func(attempt int) []run.Event {
			return []run.Event{rs.cancelledEvent(id, attempt)}
		})
		switch {
		case err != nil:
			return err
		case state == run.Waiting:
			rs.Queue.Remove(id)
		case state != run.Ended:
			rs.cancels.tell(id)
		}
		return nil
	})
}

// CancelWaiting cancels a run if it still waits.
func (rs *Runs) CancelWaiting(ctx context.Context, id run.ID, why string) error {
	state, err := rs.endWaiting(ctx, id, func(attempt int) []run.Event {
		asked := rs.event(id, attempt, run.KindCancelAsked)
		asked.Note = why
		return []run.Event{asked, rs.cancelledEvent(id, attempt)}
	})
	if err != nil || state != run.Waiting {
		return err
	}
	rs.Queue.Remove(id)
	rs.Audit(ctx, ledger.AuditEntry{Who: "bridge", What: "cancel", Subject: "run " + string(id), Why: why})
	return nil
}

// endWaiting records the end of a run that has no slot yet, and returns the state that it
// was in.
func (rs *Runs) endWaiting(ctx context.Context, id run.ID, end func(attempt int) []run.Event) (run.State, error) {
	rs.Deciding.Lock()
	defer rs.Deciding.Unlock()
	r, err := rs.Journal.Report(ctx, id)
	if err != nil || r.State != run.Waiting {
		return r.State, err
	}
	return run.Waiting, rs.Journal.Append(ctx, end(r.Attempt)...)
}

func (rs *Runs) cancelledEvent(id run.ID, attempt int) run.Event {
	e := rs.event(id, attempt, run.KindEnded)
	e.Note = string(run.EndCancelled)
	return e
}

// stopInTime stops an attempt that was cancelled, or that outlived its lease although it
// has a time limit of its own. It asks again while the attempt lives.
func (d *driver) stopInTime(ctx context.Context, f facts) {
	r := f.report
	late := make(<-chan time.Time)
	if !r.Lease.Expires.IsZero() {
		timer := time.NewTimer(r.Lease.Expires.Add(leaseGrace).Sub(d.Now()))
		defer timer.Stop()
		late = timer.C
	}
	log := d.log(d.id).With("attempt", r.Attempt)
	if r.CancelAsked == "" {
		select {
		case <-ctx.Done():
			return
		case <-d.cancelled:
		case <-late:
			log.Error("the run outlived its lease; stopping it", "expired", r.Lease.Expires)
		}
	}
	for ctx.Err() == nil {
		d.until(ctx, log, "stop a run", func() error { return d.Dispatcher.Stop(ctx, d.id, r.Attempt) })
		_ = pause.For(ctx, stopPause, nil)
	}
}
