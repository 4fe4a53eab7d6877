package intake

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/forge"
	"seatrial/internal/pause"
)

// firstLooks is the pause between repositories that were never read: soon, because
// what is said there counts from the first look on, but not all at once.
const firstLooks = 200 * time.Millisecond

// round is one forge's sweep: when each repository's turn comes.
type round struct {
	repos []forge.Repo // as they were enrolled when it was last looked
	turns map[forge.Repo]*turn
}

// turn is one repository's place in the round.
type turn struct {
	due     time.Time
	pause   time.Duration // before it; 0 while it was never looked at
	trees   time.Time     // when the trees of its default branch were last read
	retry   *backoff.ExponentialBackOff
	failure *failureLog
}

// pollRepositories reads every enrolled repository in turn, one at a time, spread over
// the time that a whole sweep takes.
func (p *Poller) pollRepositories(ctx context.Context, s Source) error {
	r, pace := round{turns: map[forge.Repo]*turn{}}, p.paces[s.Forge]
	for ctx.Err() == nil {
		p.enrol(ctx, s, &r)
		p.hasten(s, &r, pace.happened())
		repo, t := r.next()
		if wait := t.due.Sub(p.Now()); repo == (forge.Repo{}) || wait > 0 {
			// An enrolment that is added meanwhile does not have to wait for long.
			_ = pause.For(ctx, min(max(wait, firstLooks), p.Interval), pace.stirred)
			continue
		}
		began := p.Now()
		err := p.sweep(ctx, s, repo, t)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, forge.ErrLimited):
			// Its turn stays: the forge is left alone as a whole.
		case err != nil:
			t.failure.begins(err)
			t.due = p.Now().Add(t.retry.NextBackOff())
		default:
			t.failure.ends()
			t.retry.Reset()
			t.pause = p.next(ctx, s, repo, t.pause)
			t.due = began.Add(p.spread(s, t.pause))
		}
	}
	return nil
}

// spread is when the next turn comes. A slow sweep keeps the places that it began with.
func (p *Poller) spread(s Source, pause time.Duration) time.Duration {
	if !slowsDown(s) {
		return pause
	}
	return jittered(pause)
}

// hasten brings forward where something happened.
func (p *Poller) hasten(s Source, r *round, active map[forge.Repo]time.Time) {
	for repo, at := range active {
		if t := r.turns[repo]; t != nil && slowsDown(s) {
			t.pause = p.base(s, repo)
			t.due = earlier(t.due, at.Add(jittered(t.pause)))
		}
	}
}

// enrol gives new repositories their turn and forgets those that are enrolled no more.
func (p *Poller) enrol(ctx context.Context, s Source, r *round) {
	repos, now := p.enrolled(s), p.Now()
	if slices.Equal(repos, r.repos) {
		return
	}
	r.repos = repos
	wanted := make(map[forge.Repo]bool, len(repos))
	unread := 0
	for i, repo := range repos {
		wanted[repo] = true
		if r.turns[repo] != nil {
			continue
		}
		name := repo.String()
		t := &turn{retry: newRetry(), failure: &failureLog{log: p.Log, forge: s.Forge, what: "repo", name: name, all: p.failures[s.Forge], scope: name}}
		t.retry.MaxInterval = p.SweepEvery
		r.turns[repo] = t
		cursor, err := p.Memory.Cursor(ctx, forge.Repository(repo).Name())
		if err == nil && cursor == "" {
			t.due = now.Add(time.Duration(unread) * firstLooks)
			unread++
		} else {
			t.due = now.Add(p.base(s, repo) * time.Duration(i) / time.Duration(len(repos)))
		}
	}
	for repo, t := range r.turns {
		if !wanted[repo] {
			t.failure.release()
			delete(r.turns, repo)
		}
	}
}

// next is whose turn comes first; nobody's where nothing is enrolled.
func (r *round) next() (forge.Repo, *turn) {
	var repo forge.Repo
	first := &turn{}
	for candidate, t := range r.turns {
		if repo == (forge.Repo{}) || t.due.Before(first.due) {
			repo, first = candidate, t
		}
	}
	return repo, first
}

// sweep reads one repository's comments and, with a sweep's own pace, the trees of its
// default branch.
func (p *Poller) sweep(ctx context.Context, s Source, repo forge.Repo, t *turn) error {
	if err := p.read(ctx, s, forge.Repository(repo)); err != nil {
		return err
	}
	if p.Now().Sub(t.trees) < p.SweepEvery-time.Duration(jitter*float64(p.SweepEvery)) {
		return nil
	}
	if err := p.readTrees(ctx, s, repo); err != nil {
		return err
	}
	t.trees = p.Now()
	return nil
}

// readTrees writes down what the default branch holds.
func (p *Poller) readTrees(ctx context.Context, s Source, repo forge.Repo) error {
	if s.Branches == nil {
		return nil
	}
	pace := p.paces[s.Forge]
	if err := pace.wait(ctx); err != nil {
		return err
	}
	_, trees, err := s.Branches.DefaultBranch(ctx, repo)
	pace.heard(err)
	if err != nil {
		return err
	}
	return p.Memory.AddTrees(ctx, repo, trees)
}
