package local

import (
	"context"
	"iter"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// followEvery is how often a followed file is looked at: often enough that people
// see life, seldom enough to cost nothing.
const followEvery = 150 * time.Millisecond

// Follow reads the attempt's event file until the attempt is over. A harness that
// outlives its lease is killed here.
func (d *Dispatcher) Follow(ctx context.Context, id run.ID, attempt int, after int64) iter.Seq2[run.Event, error] {
	return func(yield func(run.Event, error) bool) {
		lines := &dispatch.EventReader{Path: filepath.Join(d.folder(id, attempt), dispatch.EventsFile)}
		defer lines.Close()
		lease := &leaseGuard{now: d.Now, log: d.Log.With("run", id, "attempt", attempt),
			job:  func() (dispatch.Job, error) { return ReadJob(d.folder(id, attempt)) },
			kill: func() error { return d.signal(id, attempt, unix.SIGKILL) }}
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			// The state first: what was written before the end is then surely read.
			state, err := d.State(ctx, id, attempt)
			if err != nil {
				yield(run.Event{}, err)
				return
			}
			events, err := lines.Next()
			if err != nil {
				yield(run.Event{}, err)
				return
			}
			for _, e := range dispatch.Own(events, id, attempt, after) {
				after = e.Seq
				if !yield(e, nil) {
					return
				}
			}
			if state.Phase.Over() {
				return
			}
			lease.enforce()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

var _ dispatch.Dispatcher = (*Dispatcher)(nil)
