package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/command"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/failpoint"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const (
	// answerLimit is how long one try to answer a comment may take: six requests to a
	// slow forge.
	answerLimit = 3 * time.Minute
	// firstPause and longestPause are between tries to decide about a comment.
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
	// enoughTries to find out who somebody is take about a day.
	enoughTries = 150
	// lookAnyway is how often open comments are looked for without a reason.
	lookAnyway = time.Minute
	// before the comment's own time, pushes are of no interest; a forge's clock has
	// whole seconds.
	before = time.Minute
)

// answerComments decides about open comments, oldest first, one at a time.
func (b *Bridge) answerComments(ctx context.Context) error {
	for ctx.Err() == nil {
		next := lookAnyway
		comments, err := b.Ledger.OpenComments(ctx)
		if err != nil && ctx.Err() == nil {
			b.Log.Error("cannot read the open comments", "err", err)
		}
		for _, c := range comments {
			if wait := c.NotBefore.Sub(b.Now()); wait > 0 {
				next = min(next, wait)
				continue
			}
			if err := b.answerOne(ctx, c); err != nil && ctx.Err() == nil {
				pause := pauseAfter(c.Tries)
				if wait, limited := forge.Wait(err, b.Now()); limited {
					pause = wait
				}
				next = min(next, pause)
				level := slog.LevelWarn
				if c.Tries > 0 {
					level = slog.LevelDebug // it was said
				}
				b.Log.Log(ctx, level, "cannot decide about a comment yet; will try again", "repo", c.Repo.String(), "pr", c.Pull, "comment", c.ID, "in", pause.String(), "err", err)
				if err := b.Ledger.Postpone(ctx, c.Repo.Forge, c.ID, b.Now().Add(pause)); err != nil {
					b.Log.Error("cannot put off a comment", "comment", c.ID, "err", err)
				}
			}
		}
		sleep(ctx, next, b.found)
	}
	return nil
}

func pauseAfter(tries int) time.Duration {
	return min(longestPause, firstPause<<min(tries, 10))
}

func (b *Bridge) answerOne(ctx context.Context, c ledger.Comment) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	p := b.forges[c.Repo.Forge]
	if p == nil {
		return fmt.Errorf("cannot reach the forge %q: it is not in the configuration", c.Repo.Forge)
	}
	bot, err := p.self(ctx)
	if err != nil {
		return fmt.Errorf("cannot find out who we are: %w", err)
	}
	if c.Author.ID == bot.ID {
		return b.ignore(ctx, c, admission.Own)
	}
	switch err := b.showEyes(ctx, p, c); {
	case errors.Is(err, forge.ErrNotFound):
		return b.forgetDeleted(ctx, c, err)
	case err != nil:
		return err
	}
	in, err := b.gather(ctx, p, c, bot)
	if err != nil {
		return err
	}
	decision, err := admission.Decide(ctx, in, p.Client)
	switch {
	case errors.Is(err, admission.ErrMembershipUnknown):
		return b.sayUnknown(ctx, c, err)
	case err != nil:
		return err
	case decision.Request != nil:
		return b.settle(ctx, remark{b, c}, *decision.Request)
	case decision.Refusal != nil:
		return b.refuse(ctx, c, *decision.Refusal)
	}
	return b.ignore(ctx, c, admission.Own)
}

// showEyes gives the first sign of life. A forge that does not let us is no reason not to
// answer; one that knows no such comment is. After a while it is asked anew: nobody else
// would tell us that the comment was deleted meanwhile.
func (b *Bridge) showEyes(ctx context.Context, p *place, c ledger.Comment) error {
	if c.Reacted && c.Tries == 0 {
		return nil
	}
	err := p.Client.React(ctx, c.Repo, c.ID, forge.ReactionEyes)
	if err != nil && !errors.Is(err, forge.ErrForbidden) {
		return fmt.Errorf("cannot react to comment %d: %w", c.ID, err)
	}
	if c.Reacted {
		return nil
	}
	failpoint.Hit("bridge:after-react")
	return b.Ledger.Reacted(ctx, c.Repo.Forge, c.ID)
}

// gather asks the forge what a decision rests on. The head is read before the
// pushes: one that comes in between is then seen as a push after the comment.
func (b *Bridge) gather(ctx context.Context, p *place, c ledger.Comment, bot forge.Person) (admission.Input, error) {
	parsed, ok := b.Grammar.Parse(c.Body)
	if !ok { // the word was changed since; what was asked for is not forgotten
		parsed = command.Command{Word: b.Grammar.Word()}
	}
	in := admission.Input{Comment: c.Comment, Command: parsed, Enrolment: b.enrolmentOf(c.Repo), Org: p.Org, Bot: bot, Tries: c.Tries, Permitted: p.Permissions, PerHour: b.PerPerson}
	if in.Enrolment == nil {
		return in, nil
	}
	var err error
	if in.Asked, err = b.askedLately(ctx, c.Comment); err != nil {
		return in, err
	}
	b.findObstacles(ctx, &in)
	pull, err := p.Client.PullRequest(ctx, c.Repo, c.Pull)
	if errors.Is(err, forge.ErrNotFound) {
		return in, nil
	}
	if err != nil {
		return in, fmt.Errorf("cannot read %s#%d: %w", c.Repo, c.Pull, err)
	}
	in.Pull = &pull
	if !pull.Open {
		return in, nil
	}
	if in.Joins, err = b.wouldJoin(ctx, pull); err != nil {
		return in, err
	}
	if in.Pushes, err = p.Client.Pushes(ctx, c.Repo, c.Pull, c.Created.Add(-before)); err != nil {
		return in, fmt.Errorf("cannot read the pushes to %s#%d: %w", c.Repo, c.Pull, err)
	}
	return in, nil
}

// wouldJoin says whether a run that has not ended answers a comment on the pull request.
// Nobody looks where any number may be asked for.
func (b *Bridge) wouldJoin(ctx context.Context, pull forge.PullRequest) (bool, error) {
	if b.PerPerson <= 0 {
		return false, nil
	}
	at := run.Code{Forge: pull.Repo.Forge, Repo: pull.Repo.String(), Pull: pull.Number, Commit: pull.Head}
	same, err := b.sameHead(ctx, run.Request{Code: at, Secrets: true})
	if err != nil {
		return false, fmt.Errorf("cannot look for a run to join: %w", err)
	}
	return same != nil, nil
}

// askedLately is when the runs were asked for that the author of a comment asked for in
// the hour before it. Nobody looks where any number may be asked for.
func (b *Bridge) askedLately(ctx context.Context, c forge.Comment) (at []time.Time, err error) {
	if b.PerPerson <= 0 {
		return nil, nil
	}
	if c.Author.ID == 0 {
		return nil, nil // a deleted account, which may not ask anyway
	}
	since := c.Created.Add(-time.Hour)
	lately, err := b.Journal.Reports(ctx, journal.Filter{Forge: c.Repo.Forge, Asker: c.Author.ID, Since: since, Limit: many})
	if err != nil {
		return nil, fmt.Errorf("cannot count what %s asked for: %w", c.Author.Login, err)
	}
	for _, r := range lately {
		// What was asked for long before it was written down is counted where it was asked.
		if asked := r.Request.AskedAt; r.Request.Via == "" && asked.After(since) {
			at = append(at, asked)
		}
	}
	return at, nil
}

// findObstacles asks this host and the place of the runs whether they take the recipe's.
func (b *Bridge) findObstacles(ctx context.Context, in *admission.Input) {
	if b.CannotIsolate != nil {
		in.CannotIsolate = b.CannotIsolate()
	}
	in.CannotFetch = b.CannotFetch
	in.Unmet = b.Queue.Unmet(in.Enrolment.Needs)
	if b.CannotDispatch == nil {
		return
	}
	var err error
	if in.CannotPlace, err = b.CannotDispatch(ctx, *in.Enrolment); err != nil {
		// Nothing is known against it. The run waits for its place, and says so if that
		// does not come back.
		b.Log.Warn("cannot find out whether runs of a recipe can be started", "recipe", in.Enrolment.Name, "err", err)
	}
}

// sayUnknown tells the asker that it could not be found out yet who they are, or,
// after a day, that it was given up.
func (b *Bridge) sayUnknown(ctx context.Context, c ledger.Comment, why error) error {
	refusal := admission.Refusal{Reason: admission.MembershipUnknown}
	if c.Tries >= enoughTries {
		b.Log.Error("gave up finding out who somebody is", "comment", c.ID, "err", why)
		return b.refuse(ctx, c, refusal)
	}
	about := b.about(c.Repo)
	body := announce.RenderWaiting(c.ID, c.Author.Login, announce.Refusal{Sentence: refusal.Sentence(about), Next: refusal.Next(about)})
	return errors.Join(why, b.announcer.Reply(ctx, c.Comment, body))
}

func (b *Bridge) refuse(ctx context.Context, c ledger.Comment, refusal admission.Refusal) error {
	done, err := b.Ledger.Decide(ctx, c.Repo.Forge, c.ID, ledger.Decision{Refusal: refusal.String()})
	if err != nil || !done {
		return err
	}
	b.audit(ctx, c, "refuse", "", refusal.String())
	if err := b.announcer.Refused(ctx); err != nil {
		b.Log.Error("cannot read which refusals are to be answered", "err", err)
	}
	return nil
}

// forgetDeleted closes a command whose comment was deleted before it was answered, or can
// no longer be found for another reason: nobody asks any more. What was said until now is
// not left standing.
func (b *Bridge) forgetDeleted(ctx context.Context, c ledger.Comment, why error) error {
	said, err := b.Ledger.Announcement(ctx, ledger.CommentKey(c.Repo.Forge, c.ID))
	if err != nil {
		return err
	}
	if said.Intent {
		return b.refuse(ctx, c, admission.Refusal{Reason: admission.Withdrawn})
	}
	if err := b.ignore(ctx, c, admission.Withdrawn); err != nil {
		return err
	}
	b.audit(ctx, c, "ignore", "", fmt.Sprintf("the comment is gone, and nothing was answered yet: %v", why))
	return nil
}

// ignore closes a comment without a word.
func (b *Bridge) ignore(ctx context.Context, c ledger.Comment, why admission.Reason) error {
	if err := b.announcer.Silence(ctx, c.Comment); err != nil {
		return err
	}
	_, err := b.Ledger.Decide(ctx, c.Repo.Forge, c.ID, ledger.Decision{Refusal: string(why)})
	return err
}

// audit records who decided what and why. It is a record, not a condition: where it
// cannot be written, the log has it.
func (b *Bridge) audit(ctx context.Context, c ledger.Comment, what string, id run.ID, why string) {
	subject := fmt.Sprintf("%s %s#%d comment %d", c.Repo.Forge, c.Repo, c.Pull, c.ID)
	if id != "" {
		subject += " run " + string(id)
	}
	b.record(ctx, ledger.AuditEntry{Who: c.Author.Login, What: what, Subject: subject, Why: why})
}

func (b *Bridge) record(ctx context.Context, e ledger.AuditEntry) {
	e.At = b.Now()
	b.Log.Info(e.What, "who", e.Who, "subject", e.Subject, "why", e.Why)
	if err := b.Ledger.Record(context.WithoutCancel(ctx), e); err != nil {
		b.Log.Error("cannot write the audit journal", "what", e.What, "subject", e.Subject, "err", err)
	}
}
