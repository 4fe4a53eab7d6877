package local

import (
	"context"
	"iter"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// followEvery is how often a followed file is looked at: often enough that people
// see life, seldom enough to cost nothing.
const followEvery = 150 * time.Millisecond

// killMargin is how long after its lease a harness may still live. Its own limit
// and teardown budget lie within the lease.
const killMargin = 30 * time.Second

// Follow reads the attempt's event file until the attempt is over. A harness that
// outlives its lease is killed here.
func (d *Dispatcher) Follow(ctx context.Context, id run.ID, attempt int, after int64) iter.Seq2[run.Event, error] {
	return func(yield func(run.Event, error) bool) {
		lines := &dispatch.EventReader{Path: filepath.Join(d.folder(id, attempt), dispatch.EventsFile)}
		defer lines.Close()
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
			d.enforceLease(id, attempt)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

func (d *Dispatcher) enforceLease(id run.ID, attempt int) {
	job, err := ReadJob(d.folder(id, attempt))
	if err != nil || d.Now().Before(job.Lease.Expires.Add(killMargin)) {
		return
	}
	d.Log.Warn("killing a harness that outlived its lease", "run", id, "attempt", attempt, "expired", job.Lease.Expires)
	if err := d.signal(id, attempt, unix.SIGKILL); err != nil {
		d.Log.Error("cannot kill the harness", "run", id, "err", err)
	}
}

// oneLine makes a text fit for a sentence: no line breaks, no control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

var _ dispatch.Dispatcher = (*Dispatcher)(nil)
