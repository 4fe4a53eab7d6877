package nomad

import (
	"context"
	"fmt"
	"time"

	"seatrial/harness/cluster"
)

// outageLimit is how long Nomad may not answer, or have no leader, while something is
// waited for.
const outageLimit = 30 * time.Second

// await asks until there is nothing more to say about what it waits for. It bears a
// short outage of the cluster.
func await(ctx context.Context, limit time.Duration, what string, look func() (waiting string, err error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(again)
	defer tick.Stop()
	var silent time.Time // since when nobody answers
	for {
		waiting, err := look()
		switch {
		case !cluster.Is(err, cluster.ErrUnreachable) && !cluster.Is(err, cluster.ErrNoLeader):
			silent = time.Time{}
		case silent.IsZero():
			silent = time.Now()
			fallthrough
		case time.Since(silent) < outageLimit:
			waiting, err = err.Error(), nil
		}
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
