package bridge

import (
	"context"
	"errors"
	"fmt"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/harness/journal"
)

// Hooked does at once what the next poll would do anyway, and returns when it is done. A
// webhook is only a hint: the forge is asked for everything, and comments are read from
// their list, because only that moves the cursor. It is safe for concurrent use, and to
// call again for the same event.
func (b *Bridge) Hooked(ctx context.Context, e hook.Event) {
	if err := b.hooked(ctx, e); err != nil && ctx.Err() == nil {
		// The poller reports a forge that fails; once is enough.
		b.Log.Debug("cannot do at once what a webhook asks for; it is done with the next look", "repo", e.Repo.String(), "kind", string(e.Kind), "err", err)
	}
}

func (b *Bridge) hooked(ctx context.Context, e hook.Event) error {
	switch e.Kind {
	case hook.Comment:
		return b.poller.LookFor(ctx, e.Repo, e.CommentID)
	case hook.Push:
		return b.poller.BranchMoved(ctx, e.Repo)
	case hook.Pull:
		return b.PullChanged(ctx, e.Repo, e.Pull)
	case hook.MergeGroup:
		return b.answerer.AskMergeGroup(ctx, e.Repo, e.Ref, e.Commit, e.Base)
	case hook.Everything:
		return errors.Join(b.poller.LookAt(ctx, e.Repo), b.PullChanged(ctx, e.Repo, 0), b.poller.BranchMoved(ctx, e.Repo))
	}
	return nil
}

// PullChanged looks at a pull request with open runs: after a push they are about an older
// commit, and when it was closed the waiting ones are cancelled. The number 0 means all
// pull requests of the repository. Without open runs the forge is not asked.
func (b *Bridge) PullChanged(ctx context.Context, repo forge.Repo, number int) error {
	e, repo := b.enrolled.Of(repo)
	if e == nil {
		return nil
	}
	open, err := b.Journal.Reports(ctx, journal.Filter{Forge: repo.Forge, Repo: repo.String(), Pull: number, Open: true, Limit: maxOpen})
	if err != nil {
		return fmt.Errorf("cannot read the open runs of %s: %w", repo, err)
	}
	var failed []error
	for _, runs := range byPull(open) {
		failed = append(failed, b.watchPull(ctx, runs))
	}
	return errors.Join(failed...)
}
