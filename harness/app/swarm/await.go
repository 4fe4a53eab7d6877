package swarm

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"seatrial/harness/app"
)

const (
	// pollInterval is how often something is asked that is waited for.
	pollInterval = 250 * time.Millisecond
	// outageLimit is how long the engine may be away while something is waited for: it
	// takes a while to come up again.
	outageLimit = time.Minute
)

// await asks until there is nothing more to say about what it waits for. It bears a
// short outage of the engine.
func (a *App) await(ctx context.Context, limit time.Duration, what string, look func() (waiting string, err error)) error {
	return app.Wait{For: what, Limit: limit, Every: pollInterval, Outage: outageLimit, Away: away}.Until(ctx, look)
}

// isClosed says that a connection broke off.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOENT)
}
