package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/retry"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const (
	// sweepTries take about a minute; then the run ends, and its slot stays dirty.
	sweepTries = 5
	// cleanPause is the longest between two looks at a dirty slot.
	cleanPause = 10 * time.Minute
)

// sweep removes what the attempt left, looks again, and records what is still there. If it
// cannot even look, that counts as a leftover.
func (d *driver) sweep(ctx context.Context, f facts) error {
	attempt := f.report.Attempt
	var swept run.Swept
	err := retry.Briefly(ctx, sweepTries, func() error {
		found, err := d.Dispatcher.Sweep(ctx, d.id, attempt)
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
	return d.Journal.Append(ctx, d.event(d.id, attempt, run.KindSwept).With(swept))
}

// cleanLater sweeps a dirty slot until nothing is left, then gives it back.
func (rs *Runs) cleanLater(ctx context.Context, id run.ID, attempt int) {
	retry.Loop{Longest: cleanPause, Now: rs.Now, Log: rs.log(id)}.Until(ctx, "clean a slot", func() error { return rs.clean(ctx, id, attempt) })
}

// clean sweeps once and gives the slot back if nothing is left.
func (rs *Runs) clean(ctx context.Context, id run.ID, attempt int) error {
	swept, err := rs.Dispatcher.Sweep(ctx, id, attempt)
	if err != nil {
		return err
	}
	if n := len(swept.Leftovers); n > 0 {
		return fmt.Errorf("still there: %s %s (%d in all)", swept.Leftovers[0].Kind, swept.Leftovers[0].Name, n)
	}
	r, err := rs.Journal.Report(ctx, id)
	switch {
	case errors.Is(err, journal.ErrUnknownRun): // nobody wrote it down, so nobody asks
	case err != nil:
		return err
	case isDirty(r):
		if err := rs.Journal.Append(ctx, rs.event(id, attempt, run.KindSwept).With(swept)); err != nil {
			return err
		}
	}
	rs.Queue.Clean(id)
	return nil
}
