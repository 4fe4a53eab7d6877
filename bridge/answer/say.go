package answer

import (
	"context"
	"errors"
	"fmt"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

// About a run that was started the announcer finds everything in the journal. A program
// gets its answer from Ask, so nothing is said to it here.

// sayJoined points the comment's author to the comment of the run that is there.
func (a *Answerer) sayJoined(ctx context.Context, q question, r run.Report) error {
	c := q.comment
	if c == nil {
		return nil
	}
	n, err := a.Ledger.Announcement(ctx, ledger.RunKey(r.Request.ID))
	if err != nil {
		return err
	}
	there := ""
	if n.CommentID != 0 && r.Request.Code.Link != "" {
		there = fmt.Sprintf("%s#issuecomment-%d", r.Request.Code.Link, n.CommentID)
	}
	body := announce.RenderJoined(c.ID, c.Author.Login, r, there, announce.Context{PublicURL: a.PublicURL})
	return a.Announcer.Reply(ctx, c.Comment, body)
}

// sayRefused has a refused comment answered.
func (a *Answerer) sayRefused(ctx context.Context, q question) {
	if q.comment == nil {
		return
	}
	if err := a.Announcer.Refused(ctx); err != nil {
		a.Log.Error("cannot read which refusals are to be answered", "err", err)
	}
}

// sayUnknown tells the asker that their membership could not be checked yet, or, after a
// day, that we gave up.
func (a *Answerer) sayUnknown(ctx context.Context, q question, why error) error {
	c := q.comment
	if c.Tries >= maxTries {
		a.Log.Error("gave up finding out who somebody is", "comment", c.ID, "err", why)
		return a.refuse(ctx, q, admission.Refusal{Reason: admission.MembershipUnknown})
	}
	words := admission.NotKnownYet.Words(a.about(c.Repo))
	return errors.Join(why, a.Announcer.Reply(ctx, c.Comment, announce.RenderWaiting(c.ID, c.Author.Login, words)))
}

// RefusalWords returns the words for a refused comment, the same after a restart.
func (a *Answerer) RefusalWords(c ledger.Comment) admission.Words {
	return admission.ParseRefusal(c.Refusal).Words(a.about(c.Repo))
}

func (a *Answerer) about(repo forge.Repo) admission.About {
	return admission.About{Repo: repo.String(), Org: a.Forges[repo.Forge].Org, Word: a.Grammar.Word()}
}
