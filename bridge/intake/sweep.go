package intake

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/forge"
)

// firstLooks is the pause between repositories that were never read: soon, because
// what is said there counts from the first look on, but not all at once.
const firstLooks = 200 * time.Millisecond

// round is one forge's sweep: when each repository's turn comes.
type round struct {
	repos      []forge.Repo // as they were enrolled when it was last looked
	due        map[forge.Repo]time.Time
	retries    map[forge.Repo]*backoff.ExponentialBackOff
	complaints map[forge.Repo]*complaint
}

// sweepAgainAndAgain reads every enrolled repository in turn, spread over the time
// that a whole sweep takes.
func (p *Poller) sweepAgainAndAgain(ctx context.Context, s Source) error {
	r := round{due: map[forge.Repo]time.Time{}, retries: map[forge.Repo]*backoff.ExponentialBackOff{}, complaints: map[forge.Repo]*complaint{}}
	for ctx.Err() == nil {
		p.enrol(ctx, s, &r)
		repo, at := r.next()
		if wait := at.Sub(p.Now()); repo == (forge.Repo{}) || wait > 0 {
			// An enrolment that is added meanwhile does not have to wait for long.
			p.pause(ctx, min(max(wait, firstLooks), p.Interval), nil)
			continue
		}
		err := p.sweep(ctx, s, repo)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.complaints[repo].about(err)
			r.due[repo] = p.Now().Add(r.retries[repo].NextBackOff())
		default:
			r.complaints[repo].over()
			r.retries[repo].Reset()
			r.due[repo] = p.Now().Add(p.every(s, repo))
		}
	}
	return nil
}

// enrol gives new repositories their turn and forgets those that are enrolled no more.
func (p *Poller) enrol(ctx context.Context, s Source, r *round) {
	repos, now := p.enrolled(s), p.Now()
	if slices.Equal(repos, r.repos) {
		return
	}
	r.repos = repos
	wanted := make(map[forge.Repo]bool, len(repos))
	fresh := 0
	for i, repo := range repos {
		wanted[repo] = true
		if _, known := r.due[repo]; known {
			continue
		}
		cursor, err := p.Memory.Cursor(ctx, forge.Repository(repo).Name())
		if err == nil && cursor == "" {
			r.due[repo] = now.Add(time.Duration(fresh) * firstLooks)
			fresh++
		} else {
			r.due[repo] = now.Add(p.every(s, repo) * time.Duration(i) / time.Duration(len(repos)))
		}
		retry := newRetry()
		retry.MaxInterval = p.SweepEvery
		r.retries[repo] = retry
		r.complaints[repo] = &complaint{log: p.Log.With("forge", s.Forge, "repo", repo.String()), all: p.troubles[s.Forge], scope: repo.String()}
	}
	for repo := range r.due {
		if !wanted[repo] {
			delete(r.due, repo)
			delete(r.retries, repo)
			r.complaints[repo].release()
			delete(r.complaints, repo)
		}
	}
}

// every is how often a repository is swept. What the organisation-wide question
// does not cover is swept as often as that is asked.
func (p *Poller) every(s Source, repo forge.Repo) time.Duration {
	if s.Org == "" || !strings.EqualFold(repo.Owner, s.Org) {
		return p.Interval
	}
	return p.SweepEvery
}

func (r *round) next() (repo forge.Repo, at time.Time) {
	for candidate, due := range r.due {
		if repo == (forge.Repo{}) || due.Before(at) {
			repo, at = candidate, due
		}
	}
	return repo, at
}

// sweep reads one repository's comments and the trees of its default branch.
func (p *Poller) sweep(ctx context.Context, s Source, repo forge.Repo) error {
	if err := p.read(ctx, s, forge.Repository(repo)); err != nil {
		return err
	}
	return p.readTrees(ctx, s, repo)
}

// readTrees writes down what the default branch holds.
func (p *Poller) readTrees(ctx context.Context, s Source, repo forge.Repo) error {
	if s.Branches == nil {
		return nil
	}
	_, trees, err := s.Branches.DefaultBranch(ctx, repo)
	if err != nil {
		return err
	}
	return p.Memory.AddTrees(ctx, repo, trees)
}
