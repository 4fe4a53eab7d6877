package nomad

import (
	"context"
	"errors"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

// Freeze implements app.Freezer: every process of the app on this node is held by
// SIGSTOP, its children too. A stopped app stands still already.
func (a *App) Freeze(ctx context.Context) (func() error, error) {
	_, up := a.state()
	if up == nil {
		return func() error { return nil }, nil
	}
	own, err := a.allocations(ctx, up)
	if err != nil {
		return nil, err
	}
	thaw, err := app.HoldStill(ctx, func() (all []procs.Proc, err error) {
		for _, s := range own {
			all = append(all, processesOf(s.ID, "")...)
		}
		if len(all) == 0 {
			err = errors.New("none of its processes is seen on this machine")
		}
		return all, err
	})
	if err == nil {
		a.mu.Lock()
		a.frozen = thaw
		a.mu.Unlock()
	}
	return thaw, err
}

// thaw lets go of what was frozen and not thawed: what stands still heeds no signal.
func (a *App) thaw() error {
	a.mu.Lock()
	thaw := a.frozen
	a.frozen = nil
	a.mu.Unlock()
	if thaw == nil {
		return nil
	}
	return thaw()
}
