package bridge

import (
	"context"
	"errors"
	"fmt"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// watchPulls looks at the pull requests of open runs, once an interval: a push
// makes a run one about an older commit, and a closed pull request cancels what
// waits. Without open runs it asks nothing.
func (b *Bridge) watchPulls(ctx context.Context) error {
	failing := map[string]bool{}
	for {
		sleep(ctx, b.Interval, nil)
		if ctx.Err() != nil {
			return nil
		}
		open, err := b.Journal.Reports(ctx, journal.Filter{Open: true, Limit: many})
		if err != nil {
			b.Log.Error("cannot read the open runs", "err", err)
			continue
		}
		for key, runs := range byPull(open) {
			err := b.watchPull(ctx, runs)
			if err != nil && ctx.Err() == nil && !failing[key] {
				b.Log.Warn("cannot look at the pull request of an open run; will try again", "pr", key, "err", err)
			}
			failing[key] = err != nil
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

func (b *Bridge) watchPull(ctx context.Context, runs []run.Report) error {
	repo, number, _ := pullOf(runs[0].Request.Code)
	p := b.forges[repo.Forge]
	if p == nil {
		return nil
	}
	pull, err := p.Client.PullRequest(ctx, repo, number)
	if err != nil {
		return err
	}
	b.comparing.Lock()
	defer b.comparing.Unlock()
	var failed []error
	for _, r := range runs {
		now, err := b.Journal.Report(ctx, r.Request.ID) // a hook may have led here meanwhile
		if err == nil && now.State != run.Ended {
			err = b.compare(ctx, now, pull)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// compare writes down what the pull request means for one of its runs.
func (b *Bridge) compare(ctx context.Context, r run.Report, pull forge.PullRequest) error {
	at := r.Request.Code
	if pull.Head != "" && pull.Head != at.Commit && pull.Head != r.StaleSince {
		if err := b.Journal.Append(ctx, b.event(r.Request.ID, r.Attempt, run.KindStale).With(run.Push{Commit: pull.Head})); err != nil {
			return err
		}
	}
	if pull.Open || r.State != run.Waiting || r.CancelAsked != "" {
		return nil
	}
	return b.cancelWaiting(ctx, r.Request.ID, "the pull request was closed")
}

// cancelWaiting cancels a run only if it still waits.
func (b *Bridge) cancelWaiting(ctx context.Context, id run.ID, why string) error {
	ended, err := b.endIfWaiting(ctx, id, why)
	if err != nil || !ended {
		return err
	}
	b.Queue.Remove(id)
	b.record(ctx, ledger.AuditEntry{Who: "bridge", What: "cancel", Subject: "run " + string(id), Why: why})
	return nil
}

func (b *Bridge) endIfWaiting(ctx context.Context, id run.ID, why string) (bool, error) {
	b.deciding.Lock()
	defer b.deciding.Unlock()
	r, err := b.Journal.Report(ctx, id)
	if err != nil || r.State != run.Waiting {
		return false, err
	}
	asked, ended := b.event(id, r.Attempt, run.KindCancelAsked), b.event(id, r.Attempt, run.KindEnded)
	asked.Note, ended.Note = why, string(run.EndCancelled)
	return true, b.Journal.Append(ctx, asked, ended)
}
