package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/pause"
)

// pullLimit is for looking at one pull request.
const pullLimit = time.Minute

// watchPulls looks at one forge's pull requests with open runs, once an interval: after a
// push a run is about an older commit, and when the pull request was closed a waiting run
// is cancelled. Without open runs the forge is not asked.
func (b *Bridge) watchPulls(ctx context.Context, a *account) error {
	failing := map[string]bool{}
	for {
		_ = pause.For(ctx, b.Interval, nil)
		if ctx.Err() != nil {
			return nil
		}
		open, err := b.Journal.Reports(ctx, journal.Filter{Forge: a.ID, Open: true, Limit: maxOpen})
		if err != nil {
			b.Log.Error("cannot read the open runs", "forge", a.ID, "err", err)
			continue
		}
		was := failing
		failing = map[string]bool{}
		for key, runs := range byPull(open) {
			err := b.watchPull(ctx, runs)
			if failing[key] = err != nil; err != nil && ctx.Err() == nil && !was[key] {
				b.Log.Warn("cannot look at the pull request of an open run; will try again", "pr", key, "err", err)
			}
		}
	}
}

func byPull(open []run.Report) map[string][]run.Report {
	pulls := map[string][]run.Report{}
	for _, r := range open {
		if repo, pull, ok := pullOf(r.Request.Code); ok {
			name := fmt.Sprintf("%s %s#%d", repo.Forge, repo, pull)
			pulls[name] = append(pulls[name], r)
		}
	}
	return pulls
}

// pullOf names the pull request of a run.
func pullOf(at run.Code) (forge.Repo, int, bool) {
	repo, err := forge.ParseRepo(at.Forge, at.Repo)
	return repo, at.Pull, err == nil && at.Pull != 0
}

func (b *Bridge) watchPull(ctx context.Context, runs []run.Report) error {
	repo, number, _ := pullOf(runs[0].Request.Code)
	a := b.forges[repo.Forge]
	if a == nil {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	pull, err := a.Client.PullRequest(asking, repo, number)
	if err != nil {
		return err
	}
	b.comparing.Lock()
	defer b.comparing.Unlock()
	var failed []error
	for _, r := range runs {
		now, err := b.Journal.Report(ctx, r.Request.ID) // a webhook may have been faster
		if err == nil && now.State != run.Ended {
			err = b.compare(ctx, now, pull)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// compare records what the pull request means for one of its runs.
func (b *Bridge) compare(ctx context.Context, r run.Report, pull forge.PullRequest) error {
	at := r.Request.Code
	if pull.Head != "" && pull.Head != at.Commit && pull.Head != r.StaleSince {
		stale := run.Event{Run: r.Request.ID, Attempt: r.Attempt, Source: run.Bridge, At: b.Now(), Kind: run.KindStale}
		if err := b.Journal.Append(ctx, stale.With(run.Push{Commit: pull.Head})); err != nil {
			return err
		}
	}
	if pull.Open || r.State != run.Waiting || r.CancelAsked != "" {
		return nil
	}
	return b.attempts.CancelWaiting(ctx, r.Request.ID, "the pull request was closed")
}
