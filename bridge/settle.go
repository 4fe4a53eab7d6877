package bridge

import (
	"context"
	"fmt"
	"slices"

	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// many is more runs than are ever open at once.
const many = 10_000

// wish is what wants a run: a comment, or an ask.
type wish interface {
	// joins answers whoever wishes with the run that is there, where that is done by
	// writing somewhere.
	joins(ctx context.Context, r run.Report) error
	// decide records the decision together with the events. It is not done where it was
	// decided before.
	decide(ctx context.Context, id run.ID, joined bool, events ...run.Event) (done bool, err error)
	who() string
	audit(ctx context.Context, what string, id run.ID, why string)
}

// settle turns an accepted request into a run, or joins the one that is there.
func (b *Bridge) settle(ctx context.Context, w wish, request run.Request) error {
	for {
		same, err := b.sameHead(ctx, request)
		if err != nil {
			return err
		}
		if same == nil {
			done, err := b.start(ctx, w, request)
			if done || err != nil {
				return err
			}
			continue // another wish was first
		}
		done, err := b.join(ctx, w, *same)
		if done || err != nil {
			return err
		}
	}
}

// sameHead finds an open run that answers the request as well.
func (b *Bridge) sameHead(ctx context.Context, request run.Request) (*run.Report, error) {
	open, err := b.openRuns(ctx, request.Code)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		if r.CancelAsked == "" && answers(r.Request, request) {
			return &r, nil
		}
	}
	return nil, nil
}

// answers says whether a run says all that another one would: of the same commit, built
// in the same way, and with no less at hand.
func answers(open, wanted run.Request) bool {
	return open.Code.Commit == wanted.Code.Commit && open.Flavor == wanted.Flavor && (open.Secrets || !wanted.Secrets)
}

// openRuns are those of the same pull request or, without one, of the same branch.
func (b *Bridge) openRuns(ctx context.Context, at run.Code) ([]run.Report, error) {
	open, err := b.Journal.Reports(ctx, journal.Filter{Forge: at.Forge, Repo: at.Repo, Pull: at.Pull, Open: true, Limit: many})
	return slices.DeleteFunc(open, func(r run.Report) bool {
		return r.Request.Code.Pull != at.Pull || at.Pull == 0 && r.Request.Code.Ref != at.Ref
	}), err
}

// join answers with the run that is there, then records who joined it. The answer comes
// first, so that a crash in between leads to the same answer and not to none. It is not
// done when the run ended meanwhile.
func (b *Bridge) join(ctx context.Context, w wish, r run.Report) (done bool, err error) {
	if err := w.joins(ctx, r); err != nil {
		return false, err
	}
	b.deciding.Lock()
	defer b.deciding.Unlock()
	now, err := b.Journal.Report(ctx, r.Request.ID)
	if err != nil || now.State == run.Ended {
		return false, err
	}
	joined := run.Event{Run: r.Request.ID, Source: run.Bridge, At: b.Now(), Kind: run.KindJoined, Note: w.who()}
	if _, err := w.decide(ctx, r.Request.ID, true, joined); err != nil {
		return false, err
	}
	w.audit(ctx, "join", r.Request.ID, "the same commit is asked about already")
	return true, nil
}

// start makes the run, in one transaction with what it means for older ones of the
// same pull request or branch: what waits is superseded, what runs is about an older
// commit. It is not done when a run that answers it appeared meanwhile.
func (b *Bridge) start(ctx context.Context, w wish, request run.Request) (done bool, err error) {
	b.deciding.Lock()
	defer b.deciding.Unlock()
	if same, err := b.sameHead(ctx, request); err != nil || same != nil {
		return false, err
	}
	older, err := b.openRuns(ctx, request.Code)
	if err != nil {
		return false, err
	}
	if request.ID, err = b.drawID(ctx, request.Recipe); err != nil {
		return false, err
	}
	at := b.Now()
	events := []run.Event{run.Event{Run: request.ID, Source: run.Bridge, At: at, Kind: run.KindRequested}.With(request)}
	var superseded []run.ID
	for _, r := range older {
		old := run.Event{Run: r.Request.ID, Attempt: r.Attempt, Source: run.Bridge, At: at}
		switch {
		case r.Request.Code.Commit == request.Code.Commit: // being cancelled, or another question
		case r.State == run.Waiting:
			by, ended := old, old
			by.Kind, ended.Kind, ended.Note = run.KindSuperseded, run.KindEnded, string(run.EndSuperseded)
			events = append(events, by.With(run.Superseded{By: request.ID}), ended)
			superseded = append(superseded, r.Request.ID)
		case r.StaleSince != request.Code.Commit:
			old.Kind = run.KindStale
			events = append(events, old.With(run.Push{Commit: request.Code.Commit}))
		}
	}
	done, err = w.decide(ctx, request.ID, false, events...)
	if err != nil {
		return false, err
	}
	if !done {
		return true, nil
	}
	b.Queue.Add(request)
	for _, id := range superseded {
		b.Queue.Remove(id)
	}
	w.audit(ctx, "start", request.ID, "commit "+request.Code.Commit)
	return true, nil
}

// remark is a comment that wants a run.
type remark struct {
	b *Bridge
	ledger.Comment
}

func (c remark) who() string { return c.Author.Login }

// joins leads to the comment of the run that is there.
func (c remark) joins(ctx context.Context, r run.Report) error {
	n, err := c.b.Ledger.Announcement(ctx, ledger.RunKey(r.Request.ID))
	if err != nil {
		return err
	}
	there := ""
	if n.CommentID != 0 && r.Request.Code.Link != "" {
		there = fmt.Sprintf("%s#issuecomment-%d", r.Request.Code.Link, n.CommentID)
	}
	body := announce.RenderJoined(c.ID, c.Author.Login, r, there, announce.Context{PublicURL: c.b.PublicURL})
	return c.b.announcer.Reply(ctx, c.Comment.Comment, body)
}

func (c remark) decide(ctx context.Context, id run.ID, _ bool, events ...run.Event) (bool, error) {
	return c.b.Ledger.Decide(ctx, c.Repo.Forge, c.ID, ledger.Decision{Run: id}, events...)
}

func (c remark) audit(ctx context.Context, what string, id run.ID, why string) {
	c.b.audit(ctx, c.Comment, what, id, why)
}

// drawID draws an ID whose subdomain no live run has.
func (b *Bridge) drawID(ctx context.Context, recipe string) (run.ID, error) {
	open, err := b.Journal.Reports(ctx, journal.Filter{Open: true, Limit: many})
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, r := range open {
		taken[r.Request.ID.Label(r.Request.Recipe)] = true
	}
	const enough = 1000
	for range enough {
		if id := run.NewID(b.Now()); !taken[id.Label(recipe)] {
			return id, nil
		}
	}
	return "", fmt.Errorf("cannot find a free subdomain for %s: %d drawn, all taken", recipe, enough)
}

// pullOf names the pull request of a run.
func pullOf(at run.Code) (forge.Repo, int, bool) {
	repo, err := forge.ParseRepo(at.Forge, at.Repo)
	return repo, at.Pull, err == nil && at.Pull != 0
}
