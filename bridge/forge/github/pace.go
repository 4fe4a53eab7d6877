package github

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// What GitHub lets an account create: 80 things a minute, which the pause between writes
// keeps, and 500 an hour. The first number and what an hour adds are at most that.
const (
	burstOfCreations = 200
	creationsPerHour = 300
)

// pace lets one write through at a time, with a pause between them.
type pace struct {
	turn      chan struct{}
	writes    *rate.Limiter
	creations *rate.Limiter
}

func newPace(pause time.Duration) *pace {
	return &pace{
		turn:      make(chan struct{}, 1),
		writes:    rate.NewLimiter(rate.Every(pause), 1),
		creations: rate.NewLimiter(rate.Every(time.Hour/creationsPerHour), burstOfCreations),
	}
}

// enter waits for a write's turn. done ends it. An error means that ctx is over, or
// would be before its turn.
func (p *pace) enter(ctx context.Context, method string) (done func(), err error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done = func() { <-p.turn }
	if err = p.writes.Wait(ctx); err == nil && method == http.MethodPost {
		err = p.creations.Wait(ctx)
	}
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}
