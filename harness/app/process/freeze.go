package process

import (
	"context"
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

// Freeze implements app.Freezer. A stopped app stands still already.
func (a *App) Freeze(ctx context.Context) (func() error, error) {
	in := a.instance()
	if in == nil {
		return func() error { return nil }, nil
	}
	frozen := map[procs.Proc]bool{}
	thaw := sync.OnceValue(func() error { return thawAll(frozen) })
	const again = 5 * time.Millisecond
	for deadline := time.Now().Add(freezeLimit); ; time.Sleep(again) {
		moving := 0
		for _, p := range procs.Descendants(in.supervisor.pid) {
			if p.State == 'T' {
				continue
			}
			moving++
			key := procs.Proc{PID: p.PID, Start: p.Start}
			if err := p.Signal(unix.SIGSTOP); err != nil {
				_ = thaw()
				return nil, fmt.Errorf("cannot freeze the app: %w", err)
			}
			frozen[key] = true
		}
		if moving == 0 {
			return thaw, nil
		}
		if err := ctx.Err(); err != nil {
			_ = thaw()
			return nil, fmt.Errorf("cannot freeze the app: %w", err)
		}
		if time.Now().After(deadline) {
			_ = thaw()
			return nil, &app.Fault{Summary: fmt.Sprintf("the app could not be held still for its backup: after %v it still starts processes", freezeLimit)}
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
