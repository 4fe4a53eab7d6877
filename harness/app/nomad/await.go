package nomad

import (
	"context"
	"fmt"
	"time"
)

// await asks until there is nothing more to say about what it waits for.
func await(ctx context.Context, limit time.Duration, what string, look func() (waiting string, err error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		waiting, err := look()
		if err != nil || waiting == "" {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("cannot wait for %s: last seen: %s: %w", what, waiting, ctx.Err())
		case <-deadline.C:
			return fmt.Errorf("gave up after %v waiting for %s: last seen: %s", limit, what, waiting)
		}
	}
}
