package nomad

import (
	"context"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

// noteHits takes down how often the app's tasks ran into their limits, as long as they run.
func (a *App) noteHits(ctx context.Context, in *instance) {
	own, err := a.allocations(ctx, in)
	if err != nil {
		return // what cannot be counted is not told
	}
	for _, s := range own {
		for _, t := range tasksOf(in.deployed, s.TaskGroup) {
			for _, p := range processesOf(s.ID, t.Name) {
				var memory int64
				if r := t.Resources; r != nil {
					memory = int64(max(value(r.MemoryMB), value(r.MemoryMaxMB))) << 20
				}
				a.hits.Note(t.Name, s.ID+t.Name, memory, 0, procs.HitsOf(p.PID, s.ID))
			}
		}
	}
}

// Hits implements app.Limited.
func (a *App) Hits(ctx context.Context) []string {
	if _, up := a.state(); up != nil {
		a.noteHits(ctx, up)
	}
	return a.hits.Lines()
}

var _ app.Limited = (*App)(nil)
