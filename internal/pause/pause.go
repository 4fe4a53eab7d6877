// Package pause waits for time to pass.
//
// A pause ends early with its context, or when somebody wakes it, and holds nothing after
// it. It says nothing about what is waited for.
package pause

import (
	"context"
	"time"
)

// For waits for a time, a wake-up or the context's end, whose error it returns. wake may be nil.
func For(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	case <-wake:
	}
	return nil
}
