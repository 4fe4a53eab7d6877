package github

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"seatrial/internal/pause"
)

// What GitHub lets an account create: 80 things a minute, which the pause between writes
// keeps, and 500 an hour. The first number and what an hour adds are at most that.
const (
	burstOfCreations = 200
	creationsPerHour = 300
)

// pace lets one write through at a time, with a pause between them: from the answer to one
// to the next, since what counts is when they arrive.
type pace struct {
	turn      chan struct{}
	pause     time.Duration
	answered  time.Time // the latest write; whoever has the turn may look
	creations *rate.Limiter
}

func newPace(pause time.Duration) *pace {
	return &pace{
		turn:      make(chan struct{}, 1),
		pause:     pause,
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
	if err = p.rest(ctx); err == nil && method == http.MethodPost {
		err = p.creations.Wait(ctx)
	}
	if err != nil {
		<-p.turn
		return nil, err
	}
	return func() {
		p.answered = time.Now()
		<-p.turn
	}, nil
}

// rest waits until the pause after the latest write is over. An error means that ctx is
// over, or would be.
func (p *pace) rest(ctx context.Context) error {
	left := time.Until(p.answered.Add(p.pause))
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) < left {
		return context.DeadlineExceeded
	}
	return pause.For(ctx, left, nil)
}
