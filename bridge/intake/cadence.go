package intake

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"seatrial/bridge/forge"
)

const (
	// slowdown is by how much the pause grows with each look that finds nothing.
	slowdown = 1.5
	// jitter is by how much a pause is shortened at most, so that neither repositories
	// nor several bridges are asked in step. It is never lengthened.
	jitter = 0.1
)

// jittered is a pause that is a little shorter, at random.
func jittered(d time.Duration) time.Duration {
	return d - time.Duration(rand.Float64()*jitter*float64(d))
}

// base is how often a repository is looked at where something is going on. What an
// organisation-wide question covers is swept in case that missed something.
func (p *Poller) base(s Source, repo forge.Repo) time.Duration {
	if s.Org != "" && strings.EqualFold(repo.Owner, s.Org) {
		return p.SweepEvery
	}
	return p.Interval
}

// slowsDown says whether a repository of the source is looked at less often while nothing
// happens. Where there is no question about the whole, asking each one as often
// as that would be too much.
func slowsDown(s Source) bool { return s.Org == "" }

// next is the pause after a look that found nothing, when the one before was last.
func (p *Poller) next(ctx context.Context, s Source, repo forge.Repo, last time.Duration) time.Duration {
	base := p.base(s, repo)
	if !slowsDown(s) || last == 0 || p.Busy != nil && p.Busy(ctx, repo) {
		return base
	}
	return min(time.Duration(slowdown*float64(last)), max(base, p.SweepEvery))
}
