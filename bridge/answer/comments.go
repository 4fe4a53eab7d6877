package answer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/internal/pause"
)

const (
	// firstPause and longestPause are between tries to decide about a comment.
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
	// maxTries to check a membership take about a day.
	maxTries = 150
	// lookAnyway is how often open comments are looked for without a reason.
	lookAnyway = time.Minute
)

// answerComments answers the open comments of one forge, the oldest first, one at a time,
// until the context ends.
func (a *Answerer) answerComments(ctx context.Context, found <-chan struct{}, own func(forgeID string) bool) error {
	for ctx.Err() == nil {
		next := lookAnyway
		comments, err := a.Ledger.OpenComments(ctx)
		if err != nil && ctx.Err() == nil {
			a.Log.Error("cannot read the open comments", "err", err)
		}
		for _, c := range comments {
			if !own(c.Repo.Forge) {
				continue
			}
			if wait := c.NotBefore.Sub(a.Now()); wait > 0 {
				next = min(next, wait)
				continue
			}
			if err := a.answerComment(ctx, c); err != nil && ctx.Err() == nil {
				next = min(next, a.postpone(ctx, c, err))
			}
		}
		_ = pause.For(ctx, next, found)
	}
	return nil
}

// postpone records when to try again, and returns how long that is.
func (a *Answerer) postpone(ctx context.Context, c ledger.Comment, why error) time.Duration {
	pause := min(longestPause, firstPause<<min(c.Tries, 10))
	if wait, limited := forge.Wait(why, a.Now()); limited {
		pause = wait
	}
	log, level := a.Log.With("repo", c.Repo.String(), "pr", c.Pull, "comment", c.ID), slog.LevelWarn
	if c.Tries > 0 {
		level = slog.LevelDebug // it was said
	}
	log.Log(ctx, level, "cannot decide about a comment yet; will try again", "in", pause.String(), "err", why)
	if err := a.Ledger.Postpone(ctx, c.Repo.Forge, c.ID, a.Now().Add(pause)); err != nil {
		log.Error("cannot put off a comment", "err", err)
	}
	return pause
}

func (a *Answerer) answerComment(ctx context.Context, c ledger.Comment) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	f, ok := a.Forges[c.Repo.Forge]
	if !ok {
		return fmt.Errorf("cannot reach the forge %q: it is not in the configuration", c.Repo.Forge)
	}
	bot, err := f.Self(ctx)
	if err != nil {
		return fmt.Errorf("cannot find out who we are: %w", err)
	}
	q := question{Ask{Repo: c.Repo, Pull: c.Pull, By: run.Person{ID: c.Author.ID, Login: c.Author.Login}}, &c}
	if c.Author.ID == bot.ID {
		return a.ignore(ctx, q, admission.Own)
	}
	switch err := a.showEyes(ctx, f.Client, c); {
	case errors.Is(err, forge.ErrNotFound):
		return a.closeDeleted(ctx, q, err)
	case err != nil:
		return err
	}
	err = a.answer(ctx, q)
	if errors.Is(err, admission.ErrMembershipUnknown) {
		return a.sayUnknown(ctx, q, err)
	}
	return err
}

// showEyes gives the first sign of life. If the forge does not let us, the comment is
// answered all the same; if it knows no such comment, there is nobody to answer. Every
// further try reacts again, because that is how a deletion is noticed.
func (a *Answerer) showEyes(ctx context.Context, client Client, c ledger.Comment) error {
	if c.Reacted && c.Tries == 0 {
		return nil
	}
	err := client.React(ctx, c.Repo, c.ID, forge.ReactionEyes)
	if err != nil && !errors.Is(err, forge.ErrForbidden) {
		return fmt.Errorf("cannot react to comment %d: %w", c.ID, err)
	}
	if c.Reacted {
		return nil
	}
	failpoint.Hit("bridge:after-react")
	return a.Ledger.Reacted(ctx, c.Repo.Forge, c.ID)
}

// closeDeleted closes a command whose comment was deleted, or cannot be found for another
// reason, before it was decided about. An answer that was already begun is corrected.
func (a *Answerer) closeDeleted(ctx context.Context, q question, why error) error {
	said, err := a.Ledger.Announcement(ctx, ledger.CommentKey(q.Repo.Forge, q.comment.ID))
	if err != nil {
		return err
	}
	if said.Intent {
		return a.refuse(ctx, q, admission.Refusal{Reason: admission.Withdrawn})
	}
	if err := a.ignore(ctx, q, admission.Withdrawn); err != nil {
		return err
	}
	a.audit(ctx, q, "ignore", "", fmt.Sprintf("the comment is gone, and nothing was answered yet: %v", why))
	return nil
}
