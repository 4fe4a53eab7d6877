package swarm

import (
	"context"
	"encoding/json"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/internal/procs"
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
		a.noteHits(ctx, c)
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

// noteHits takes down how often a container ran into its limits, as long as it is there.
func (a *App) noteHits(ctx context.Context, c running) {
	about, err := a.inspect(ctx, c.id)
	if err != nil || about.State == nil || about.HostConfig == nil || about.State.Pid == 0 {
		return
	}
	var processes int64
	if most := about.HostConfig.PidsLimit; most != nil {
		processes = *most
	}
	a.hits.Note(c.service, c.id, about.HostConfig.Memory, processes, procs.HitsOf(about.State.Pid, c.id))
}

// Hits implements app.Limited.
func (a *App) Hits(ctx context.Context) []string {
	list, err := a.containers(ctx)
	if err == nil {
		for _, c := range list {
			a.noteHits(ctx, c)
		}
	}
	return a.hits.Lines()
}

var _ app.Limited = (*App)(nil)

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
