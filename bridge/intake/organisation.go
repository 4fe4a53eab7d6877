package intake

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/forge"
	"seatrial/internal/pause"
)

// longestPause is how long a forge that fails is left alone at most.
const longestPause = 2 * time.Minute

func newRetry() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 2*time.Second, longestPause
	return b
}

// pollOrganisation asks about the whole organisation. A little less than the
// interval, so that several bridges do not ask in step, and never more.
func (p *Poller) pollOrganisation(ctx context.Context, s Source) error {
	scope := forge.Organisation(s.Forge, s.Org, nil)
	retry, failure := newRetry(), failureLog{log: p.Log, forge: s.Forge, what: "org", name: s.Org, all: p.failures[s.Forge], scope: scope.Name()}
	for ctx.Err() == nil {
		next := jittered(p.Interval)
		err := p.read(ctx, s, scope)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, forge.ErrLimited):
			next = 0 // the next question waits until the forge may be asked
		case err != nil:
			failure.begins(err)
			next = retry.NextBackOff()
		default:
			failure.ends()
			retry.Reset()
		}
		_ = pause.For(ctx, next, p.nudges[s.Forge])
	}
	return nil
}

// kindOf tells errors apart that a person would want to hear about separately.
// Texts are no help: they carry times and numbers.
func kindOf(err error) string {
	for _, known := range []error{forge.ErrUnauthorized, forge.ErrForbidden, forge.ErrNotFound, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "failed"
}
