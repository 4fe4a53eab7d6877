package swarm

import (
	"context"
	"encoding/json"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
)

func (a *App) Used() app.Usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// measure notes what the app takes now. What cannot be measured is left out.
func (a *App) measure(ctx context.Context) {
	var memory, volumes int64
	list, err := a.containers(ctx)
	if err != nil {
		return
	}
	for _, c := range list {
		memory += a.memoryOf(ctx, c.id)
	}
	all, err := a.Volumes(ctx)
	if err != nil {
		return
	}
	for _, v := range all {
		if dir, err := a.folderOf(ctx, v.Name); err == nil {
			size, _ := weigh(dir)
			volumes += size
			dir.Close()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used.Memory = max(a.used.Memory, memory)
	a.used.Volumes = max(a.used.Volumes, volumes)
}

// memoryOf is what a container has taken at most, where the kernel counts that, or takes now.
func (a *App) memoryOf(ctx context.Context, id string) int64 {
	answer, err := a.cfg.Engine.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	var stats container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
		return 0
	}
	return int64(max(stats.MemoryStats.MaxUsage, stats.MemoryStats.Usage))
}
