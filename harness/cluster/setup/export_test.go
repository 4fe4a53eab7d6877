package setup

import (
	"context"

	"seatrial/harness/cluster"
)

// Plan says what Apply would change, and changes nothing.
func Plan(ctx context.Context, client *cluster.Client, o Options) (Changes, error) {
	steps, notes, err := plan(ctx, client, o)
	changes := Changes{Notes: notes}
	for _, s := range steps {
		changes.List = append(changes.List, s.Change)
	}
	return changes, err
}
