package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"seatrial/bridge/forge"
	"seatrial/internal/pause"
)

const (
	// DefaultPerSecond keeps far from the 900 points a minute above which GitHub calls
	// us too fast.
	DefaultPerSecond = 8
	// reserved is the share of a forge's budget that questions leave alone, so that what
	// is to be reported can be: one part in so many.
	reserved = 5
	// longestWait bounds how long a budget that is nearly spent is waited for: they begin anew each hour.
	longestWait = time.Hour
)

// pace is how fast one forge is asked, and what came of it. Safe for concurrent use.
type pace struct {
	log     *slog.Logger
	now     func() time.Time
	budget  func() forge.Budget // may be nil
	limiter *rate.Limiter

	mu      sync.Mutex
	until   time.Time // no question before
	saved   time.Time // the end of the period of whose budget it was said that it is nearly spent
	up      bool
	org     time.Time // of the latest complete answer about the organisation
	looked  map[forge.Repo]time.Time
	active  map[forge.Repo]time.Time // where something happened, until the sweep has noticed
	started time.Time
	stirred chan struct{} // something is in active
}

func newPace(s Source, now func() time.Time, log *slog.Logger) *pace {
	limit := rate.Limit(s.PerSecond)
	switch {
	case limit > 0:
	case s.Org == "":
		limit = DefaultPerSecond
	default: // there are few questions
		limit = rate.Inf
	}
	return &pace{
		log: log.With("forge", s.Forge), now: now, budget: s.Budget, limiter: rate.NewLimiter(limit, 1),
		looked: map[forge.Repo]time.Time{}, active: map[forge.Repo]time.Time{}, started: now(), stirred: make(chan struct{}, 1),
	}
}

// wait returns when the forge may be asked, or with the context's error.
func (p *pace) wait(ctx context.Context) error {
	for {
		left := p.nextQuestion().Sub(p.now())
		if left <= 0 {
			return p.limiter.Wait(ctx)
		}
		if err := pause.For(ctx, left, nil); err != nil {
			return err
		}
	}
}

// nextQuestion is when the forge may be asked next; in the past where it may be now.
func (p *pace) nextQuestion() time.Time {
	var b forge.Budget
	if p.budget != nil {
		b = p.budget()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); b.Limit > 0 && b.Left*reserved < b.Limit && b.Reset.After(now) {
		reset := earlier(b.Reset, now.Add(longestWait))
		if !b.Reset.Equal(p.saved) {
			p.saved = b.Reset
			p.log.Warn("the forge's limit is nearly used up; looking for comments again when it is renewed, so that the rest is left for reporting", "left", b.Left, "of", b.Limit, "until", reset)
		}
		return later(p.until, reset)
	}
	return p.until
}

// heard takes note of what a question came to.
func (p *pace) heard(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	wait, limited := forge.Wait(err, now)
	if limited {
		until := now.Add(wait)
		if !p.until.After(now) { // else it was said
			p.log.Warn("the forge asks us to wait; nothing is lost", "until", until, "err", err)
		}
		p.until = later(p.until, until)
	}
	p.up = limited || err == nil || errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrForbidden)
}

// read takes note of a scope that was read to its end.
func (p *pace) read(scope forge.Scope, happened bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if scope.Org != "" {
		p.org = p.now()
		return
	}
	p.looked[scope.Repo] = p.now()
	if happened {
		p.activate(scope.Repo)
	}
}

// activate lets a repository's turn come soon. The lock is held.
func (p *pace) activate(repo forge.Repo) {
	p.active[repo] = p.now()
	select {
	case p.stirred <- struct{}{}:
	default:
	}
}

// refuses is an error while the forge is to be left alone. The repository's turn comes
// soon after.
func (p *pace) refuses(repo forge.Repo) error {
	until := p.nextQuestion()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !until.After(p.now()) {
		return nil
	}
	p.activate(repo)
	return &forge.LimitedError{Until: until}
}

// happened hands over where something happened since it was last asked.
func (p *pace) happened() map[forge.Repo]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.active) == 0 {
		return nil
	}
	active := p.active
	p.active = map[forge.Repo]time.Time{}
	return active
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
