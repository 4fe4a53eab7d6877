package process

import (
	"context"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

// Freeze implements app.Freezer. A stopped app stands still already.
func (a *App) Freeze(ctx context.Context) (func() error, error) {
	in := a.instance()
	if in == nil {
		return func() error { return nil }, nil
	}
	return app.HoldStill(ctx, func() ([]procs.Proc, error) { return procs.Descendants(in.supervisor.pid), nil })
}
