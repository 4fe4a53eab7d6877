package announce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// maxPosts is how often a comment is posted: once, and anew after it was deleted.
const maxPosts = 2

// runUpdate says what there is to say about a run.
func (a *Announcer) runUpdate(id run.ID, restarted bool) update {
	return update{
		key: ledger.RunKey(id),
		forge: func(ctx context.Context) (string, error) {
			r, err := a.Reports.Report(ctx, id)
			return r.Request.Code.Forge, err
		},
		try: func(ctx context.Context, w *worker) (time.Duration, bool, error) {
			if restarted {
				w.statusUnknown, restarted = true, false
			}
			return a.sayRun(ctx, id, w)
		},
	}
}

// sayRun says the status first, so that an old green is never read as the new one.
func (a *Announcer) sayRun(ctx context.Context, id run.ID, w *worker) (again time.Duration, done bool, err error) {
	r, err := a.Reports.Report(ctx, id)
	if err != nil {
		return 0, false, err
	}
	n, err := a.Memory.Announcement(ctx, w.key)
	if err != nil || n.Done {
		return 0, n.Done, err
	}
	at := r.Request.Code
	repo, err := forge.ParseRepo(at.Forge, at.Repo)
	if err != nil || at.Pull == 0 && r.Request.Via == "" {
		return 0, true, a.finish(ctx, w.key) // asked for without a forge
	}
	voice, ok := a.Voice(at.Forge)
	if !ok {
		return 0, false, fmt.Errorf("cannot reach the forge %q: it is not in the configuration", at.Forge)
	}
	c := a.Context(ctx, r)
	if err := a.status(ctx, voice, repo, r, c, &n, w); err != nil {
		if at.Pull == 0 && errors.Is(err, forge.ErrNotFound) {
			a.Log.Info("the commit is gone; nobody is left to tell", "repo", repo.String(), "run", id, "err", err)
			return 0, true, a.finish(ctx, w.key)
		}
		return 0, false, err
	}
	if at.Pull != 0 { // of a branch there is nowhere to comment
		again, err = a.comment(ctx, voice, repo, r, c, &n, w)
		if a.mayNotComment(w, err) {
			err = a.giveUpCommenting(ctx, &n, err)
		}
	}
	if err != nil || again > 0 || r.State != run.Ended {
		return again, false, err
	}
	return 0, true, a.finish(ctx, w.key)
}

// status sets the commit status where it differs from what was set.
func (a *Announcer) status(ctx context.Context, voice Voice, repo forge.Repo, r run.Report, c Context, n *ledger.Announcement, w *worker) error {
	want, commit := StatusOf(r, c), r.Request.Code.Commit
	said := string(want.State) + " " + want.Description
	if n.Status == said || want.State == forge.StatusPending && n.Status != "" {
		return nil
	}
	stands, err := a.statusStands(ctx, voice, repo, r, want, w.statusUnknown)
	if err != nil {
		return err
	}
	w.statusUnknown = true // until it is written down that it was set
	if !stands {
		want.Details = DetailsOf(r, c)
		if err := voice.SetStatus(ctx, repo, commit, want); err != nil {
			return fmt.Errorf("cannot set the status of %s: %w", run.ShortHash(commit), err)
		}
		failpoint.Hit("bridge:after-status")
	}
	n.Status = said
	if err := a.remember(ctx, n); err != nil {
		return err
	}
	w.statusUnknown = false
	return nil
}

// statusStands says whether the status is there already, or must not be set any
// more because a newer run of the same commit has the word.
func (a *Announcer) statusStands(ctx context.Context, voice Voice, repo forge.Repo, r run.Report, want forge.Status, unknown bool) (bool, error) {
	newest, err := a.Reports.Reports(ctx, journalFilter(r.Request.Code))
	if err != nil {
		return false, err
	}
	if len(newest) > 0 && newest[0].Request.ID > r.Request.ID {
		return true, nil
	}
	if !unknown {
		return false, nil
	}
	last, found, err := voice.LastStatus(ctx, repo, r.Request.Code.Commit, StatusContext)
	if err != nil {
		return false, fmt.Errorf("cannot read the status of %s: %w", r.Request.Code.ShortCommit(), err)
	}
	return found && last.State == want.State && last.Description == want.Description && last.TargetURL == want.TargetURL, nil
}

// comment posts or edits the run's comment. It returns how long an edit that may
// wait has to wait.
func (a *Announcer) comment(ctx context.Context, voice Voice, repo forge.Repo, r run.Report, c Context, n *ledger.Announcement, w *worker) (time.Duration, error) {
	if err := a.adopt(ctx, voice, r.Request.ID, n); err != nil {
		return 0, err
	}
	body := Render(r, c)
	if n.CommentID != 0 && n.BodyHash == hash(body) {
		return 0, nil
	}
	now, shape := a.Now(), shapeOf(r)
	if wait := a.Every - now.Sub(w.lastPost); n.CommentID != 0 && wait > 0 && shape == w.shape {
		return wait, nil
	}
	if err := a.post(ctx, voice, repo, r.Request.Code.Pull, RunMarker(r.Request.ID), body, n); err != nil {
		return 0, err
	}
	w.lastPost, w.shape = now, shape
	return 0, nil
}

// shapeOf is what of a report is worth an edit at once.
func shapeOf(r run.Report) string {
	return fmt.Sprintf("%s %d %s %s %s %d", r.State, r.Attempt, r.Ending, r.StaleSince, r.SupersededBy, len(r.Joined))
}

// adopt takes over the answer that the run's comment got while nothing could be
// decided about it, so that there is one comment.
func (a *Announcer) adopt(ctx context.Context, voice Voice, id run.ID, n *ledger.Announcement) error {
	if n.CommentID != 0 || n.Intent || n.Tries > 0 {
		return nil
	}
	asked, ok, err := a.Memory.CommentOf(ctx, id)
	if err != nil || !ok {
		return err
	}
	answer, err := a.Memory.Announcement(ctx, ledger.CommentKey(asked.Repo.Forge, asked.ID))
	if err != nil || !answer.Intent {
		return err
	}
	if answer.CommentID == 0 {
		if answer.CommentID, err = a.find(ctx, voice, asked.Repo, asked.Pull, CommentMarker(asked.ID)); err != nil || answer.CommentID == 0 {
			return err
		}
	}
	n.CommentID, n.Intent, n.Tries = answer.CommentID, true, max(answer.Tries, 1)
	return a.remember(ctx, n)
}

// post makes the text stand on the pull request, once. The announcement's Tries
// counts how often it was posted.
func (a *Announcer) post(ctx context.Context, voice Voice, repo forge.Repo, pull int, marker, body string, n *ledger.Announcement) error {
	if n.CommentID == 0 && n.Intent {
		id, err := a.find(ctx, voice, repo, pull, marker)
		if err != nil {
			return err
		}
		if n.CommentID = id; id != 0 {
			n.BodyHash, n.Tries = "", max(n.Tries, 1)
		}
	}
	if n.CommentID != 0 {
		if n.BodyHash == hash(body) {
			return nil
		}
		err := voice.EditComment(ctx, repo, n.CommentID, body)
		if err == nil {
			n.BodyHash = hash(body)
			return a.remember(ctx, n)
		}
		if !errors.Is(err, forge.ErrNotFound) {
			return fmt.Errorf("cannot edit comment %d on %s#%d: %w", n.CommentID, repo, pull, err)
		}
		n.CommentID, n.Intent, n.BodyHash = 0, false, ""
		if err := a.remember(ctx, n); err != nil {
			return err
		}
	}
	if n.Tries >= maxPosts {
		return nil // somebody deletes it: they do not want it
	}
	return a.create(ctx, voice, repo, pull, body, n)
}

func (a *Announcer) create(ctx context.Context, voice Voice, repo forge.Repo, pull int, body string, n *ledger.Announcement) error {
	n.Intent = true
	if err := a.remember(ctx, n); err != nil {
		return err
	}
	id, err := voice.CreateComment(ctx, repo, pull, body)
	if err != nil {
		return fmt.Errorf("cannot comment on %s#%d: %w", repo, pull, err)
	}
	failpoint.Hit("bridge:after-post")
	n.CommentID, n.BodyHash, n.Tries = id, hash(body), n.Tries+1
	return a.remember(ctx, n)
}

func (a *Announcer) find(ctx context.Context, voice Voice, repo forge.Repo, pull int, marker string) (int64, error) {
	self, err := voice.Self(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot find out who we are: %w", err)
	}
	id, found, err := voice.FindComment(ctx, repo, pull, marker, self)
	if err != nil {
		return 0, fmt.Errorf("cannot look for our comment on %s#%d: %w", repo, pull, err)
	}
	if !found {
		return 0, nil
	}
	return id, nil
}

func (a *Announcer) remember(ctx context.Context, n *ledger.Announcement) error {
	n.UpdatedAt = a.Now()
	// What was done on the forge is recorded even when we are asked to stop.
	return a.Memory.SetAnnouncement(context.WithoutCancel(ctx), *n)
}

func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
