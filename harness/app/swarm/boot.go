package swarm

import (
	"context"
	"slices"
	"time"
)

// Boot is how long the main service took, at most, from the start of its container until
// the swarm took it for running, which with a healthcheck means healthy. 0: not known.
func (a *App) Boot() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.boot
}

// noteBoot measures the start of a stack that has converged.
func (a *App) noteBoot(ctx context.Context, d *deployed) {
	all, err := a.survey(ctx)
	if err != nil {
		return
	}
	i := slices.IndexFunc(all, func(s standing) bool { return s.name == d.recipe.Main })
	if i < 0 || all[i].last.Status.ContainerStatus == nil {
		return
	}
	c, err := a.inspect(ctx, all[i].last.Status.ContainerStatus.ContainerID)
	if err != nil || c.State == nil {
		return
	}
	started, err := time.Parse(time.RFC3339Nano, c.State.StartedAt)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.boot = max(a.boot, all[i].last.Status.Timestamp.Sub(started))
}
