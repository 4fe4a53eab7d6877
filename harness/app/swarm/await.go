package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	// again is how often something is asked that is waited for.
	again = 250 * time.Millisecond
	// outageLimit is how long the engine may be away while something is waited for: it
	// takes a while to come up again.
	outageLimit = time.Minute
)

// await asks until there is nothing more to say about what it waits for. It bears a
// short outage of the engine.
func (a *App) await(ctx context.Context, limit time.Duration, what string, look func() (waiting string, err error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(again)
	defer tick.Stop()
	var silent time.Time // since when nobody answers
	for {
		waiting, err := look()
		switch {
		case !away(err):
			silent = time.Time{}
		case silent.IsZero():
			silent = time.Now()
			fallthrough
		case time.Since(silent) < outageLimit:
			waiting, err = err.Error(), nil
		}
		if err != nil || waiting == "" {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("cannot wait for %s: last seen: %s: %w", what, waiting, ctx.Err())
		case <-deadline.C:
			return fmt.Errorf("gave up after %v waiting for %s: last seen: %s", limit, what, waiting)
		}
	}
}

// isClosed says that a connection broke off.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOENT)
}
