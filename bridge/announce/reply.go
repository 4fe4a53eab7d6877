package announce

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Reply makes a text stand as the answer to a comment that is not decided yet. It
// may be called again, also after a restart: there is one answer, and what stands
// there becomes the new text.
func (a *Announcer) Reply(ctx context.Context, to forge.Comment, body string) error {
	voice, ok := a.Voice(to.Repo.Forge)
	if !ok {
		return fmt.Errorf("cannot reach the forge %q: it is not in the configuration", to.Repo.Forge)
	}
	n, err := a.Memory.Announcement(ctx, ledger.CommentKey(to.Repo.Forge, to.ID))
	if err != nil {
		return err
	}
	return a.post(ctx, voice, to.Repo, to.Pull, CommentMarker(to.ID), body, &n)
}

// Silence records that a comment gets no answer.
func (a *Announcer) Silence(ctx context.Context, c forge.Comment) error {
	return a.finish(ctx, ledger.CommentKey(c.Repo.Forge, c.ID))
}

// refusalUpdate answers a refused comment once.
func (a *Announcer) refusalUpdate(c ledger.Comment) update {
	return update{
		key:   ledger.CommentKey(c.Repo.Forge, c.ID),
		forge: func(context.Context) (string, error) { return c.Repo.Forge, nil },
		try: func(ctx context.Context, w *worker) (time.Duration, bool, error) {
			done, err := a.sayRefused(ctx, c, w)
			return 0, done, err
		},
	}
}

func (a *Announcer) sayRefused(ctx context.Context, c ledger.Comment, w *worker) (done bool, err error) {
	n, err := a.Memory.Announcement(ctx, w.key)
	if err != nil || n.Done {
		return n.Done, err
	}
	err = a.Reply(ctx, c.Comment, RenderRefusal(c.ID, c.Author.Login, a.Refusal(c)))
	switch {
	case a.mayNotComment(w, err):
		if err := a.giveUpCommenting(ctx, &n, err); err != nil {
			return false, err
		}
	case err != nil && !errors.Is(err, forge.ErrNotFound):
		return false, err
	case err != nil:
		a.Log.Info("the pull request is gone; nobody is left to answer", "repo", c.Repo, "pr", c.Pull, "err", err)
	}
	return true, a.finish(ctx, w.key)
}

// journalFilter selects the newest run of a commit.
func journalFilter(at run.Code) journal.Filter {
	return journal.Filter{Forge: at.Forge, Repo: at.Repo, Commit: at.Commit, Limit: 1}
}
