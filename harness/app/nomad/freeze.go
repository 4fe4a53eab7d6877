package nomad

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

// freezeLimit is how long it may take until everything stands still: an app that
// keeps starting processes needs several rounds.
const freezeLimit = 10 * time.Second

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
	frozen := map[procs.Proc]bool{}
	thaw := sync.OnceValue(func() error { return thawAll(frozen) })
	for deadline := time.Now().Add(freezeLimit); ; time.Sleep(pollInterval / 10) {
		moving, all := 0, 0
		for _, s := range own {
			for _, p := range processesOf(s.ID, "") {
				all++
				if p.State == 'T' {
					continue
				}
				moving++
				key := procs.Proc{PID: p.PID, Start: p.Start}
				if err := p.Signal(unix.SIGSTOP); err != nil {
					return nil, errors.Join(fmt.Errorf("cannot freeze the app: %w", err), thaw())
				}
				frozen[key] = true
			}
		}
		switch {
		case all == 0:
			return nil, errors.Join(errors.New("cannot freeze the app: none of its processes is seen on this machine"), thaw())
		case moving == 0:
			a.mu.Lock()
			a.frozen = thaw
			a.mu.Unlock()
			return thaw, nil
		case ctx.Err() != nil:
			return nil, errors.Join(fmt.Errorf("cannot freeze the app: %w", ctx.Err()), thaw())
		case time.Now().After(deadline):
			return nil, errors.Join(&app.Fault{Summary: fmt.Sprintf("the app could not be held still for its backup: after %v it still starts processes", freezeLimit)}, thaw())
		}
	}
}

func thawAll(frozen map[procs.Proc]bool) error {
	var first error
	for p := range frozen {
		if err := p.Signal(unix.SIGCONT); err != nil && first == nil {
			first = fmt.Errorf("cannot thaw the app: %w", err)
		}
	}
	return first
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
