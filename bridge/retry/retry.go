// Package retry tries again what did not work: until it does, or a few times.
//
// A forge that asks us to wait is not asked again before it allows that. Nothing here
// outlives its context.
package retry

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/forge"
	"seatrial/internal/pause"
)

// Loop says how something is tried until it worked.
type Loop struct {
	Longest time.Duration // the longest pause between two tries
	Now     func() time.Time
	Log     *slog.Logger
}

// Until tries until it worked or the context ended. An error is logged when it begins
// and when its text changes.
func (l Loop) Until(ctx context.Context, what string, try func() error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = time.Second, l.Longest
	logged := ""
	for ctx.Err() == nil {
		err := try()
		if err == nil || ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != logged {
			logged = text
			l.Log.Error("cannot "+what+" yet; will try again", "err", err)
		}
		next := pauses.NextBackOff()
		if wait, limited := forge.Wait(err, l.Now()); limited {
			next = wait
		}
		_ = pause.For(ctx, next, nil)
	}
}

// Briefly tries a few times with growing pauses and returns the last error.
func Briefly(ctx context.Context, tries uint, try func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.Multiplier = time.Second, 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, try() },
		backoff.WithBackOff(pauses), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
	return err
}
