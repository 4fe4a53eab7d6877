package app

import (
	"context"
	"fmt"
	"time"
)

// Wait says what is waited for, and how.
type Wait struct {
	For   string // "the app to stop"
	Limit time.Duration
	Every time.Duration
	// Outage is for how long the platform may not answer at all, which Away tells by the
	// error of the one who looks.
	Outage time.Duration
	Away   func(error) bool
}

// Until asks until there is nothing more to say about what is waited for.
func (w Wait) Until(ctx context.Context, look func() (waiting string, err error)) error {
	deadline := time.NewTimer(w.Limit)
	defer deadline.Stop()
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	var silent time.Time // since when nobody answers
	seen := "nothing"
	for {
		waiting, err := look()
		switch {
		case err != nil && ctx.Err() != nil: // it was looking when the time was over
			return fmt.Errorf("cannot wait for %s: last seen: %s: %w", w.For, seen, ctx.Err())
		case !w.Away(err):
			silent = time.Time{}
		case silent.IsZero():
			silent = time.Now()
			fallthrough
		case time.Since(silent) < w.Outage:
			waiting, err = err.Error(), nil
		}
		if err != nil || waiting == "" {
			return err
		}
		seen = waiting
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("cannot wait for %s: last seen: %s: %w", w.For, waiting, ctx.Err())
		case <-deadline.C:
			return fmt.Errorf("gave up after %v waiting for %s: last seen: %s", w.Limit, w.For, waiting)
		}
	}
}
