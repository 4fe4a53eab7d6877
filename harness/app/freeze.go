package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/internal/procs"
)

// freezeLimit is how long it may take until everything stands still: an app that
// keeps starting processes needs several rounds.
const freezeLimit = 10 * time.Second

// HoldStill stops all of an app's processes by SIGSTOP, until none of those that list gives
// moves. What it has stopped goes on if it cannot stop them all.
func HoldStill(ctx context.Context, list func() ([]procs.Proc, error)) (thaw func() error, err error) {
	frozen := map[procs.Proc]bool{}
	thaw = sync.OnceValue(func() error {
		var first error
		for p := range frozen {
			if err := p.Signal(unix.SIGCONT); err != nil && first == nil {
				first = fmt.Errorf("cannot thaw the app: %w", err)
			}
		}
		return first
	})
	fail := func(err error) (func() error, error) { return nil, errors.Join(err, thaw()) }
	const again = 5 * time.Millisecond
	for deadline := time.Now().Add(freezeLimit); ; time.Sleep(again) {
		all, err := list()
		moving := 0
		for _, p := range all {
			if p.State == 'T' {
				continue
			}
			moving++
			if err = p.Signal(unix.SIGSTOP); err != nil {
				break
			}
			frozen[procs.Proc{PID: p.PID, Start: p.Start}] = true
		}
		switch {
		case err != nil:
			return fail(fmt.Errorf("cannot freeze the app: %w", err))
		case moving == 0:
			return thaw, nil
		case ctx.Err() != nil:
			return fail(fmt.Errorf("cannot freeze the app: %w", ctx.Err()))
		case time.Now().After(deadline):
			return fail(&Fault{Summary: fmt.Sprintf("the app could not be held still for its backup: after %v it still starts processes", freezeLimit)})
		}
	}
}
