package nomad

import (
	"context"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

// outageLimit is how long Nomad may not answer, or have no leader, while something is
// waited for.
const outageLimit = 30 * time.Second

// await asks until there is nothing more to say about what it waits for. It bears a
// short outage of the cluster.
func await(ctx context.Context, limit time.Duration, what string, look func() (waiting string, err error)) error {
	away := func(err error) bool {
		return cluster.Is(err, cluster.ErrUnreachable) || cluster.Is(err, cluster.ErrNoLeader)
	}
	return app.Wait{For: what, Limit: limit, Every: pollInterval, Outage: outageLimit, Away: away}.Until(ctx, look)
}
