package bridge

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

// Ask is a wish for a run that comes without a comment: of a pull request's head, or of
// a branch's. It goes through the same admission.
type Ask struct {
	// Key makes asking twice asking once: the same key gives the same answer for
	// ledger.AskMemory. Empty: this is not repeated.
	Key string

	Repo   forge.Repo
	Pull   int    // 0: a branch
	Branch string // "" is the default branch
	Commit string // if given, it must be the head

	By run.Person // who asks; the login is shown to people
	// Vouched: a token that the operator gave out, or the operator's own settings, speak
	// for the asker. Else they must be one who may comment.
	Vouched bool
	Via     run.Via

	Needs   []string // capabilities, besides the enrolment's
	Flavor  string   // a label for an operator's builder, instead of the enrolment's
	Secrets bool     // the code may use what an operator's builder keeps secret
}

// Answer is what became of an ask: a run, or a refusal.
type Answer struct {
	Run     run.ID
	Joined  bool // the run was there already, and answers this as well
	Refusal *AskRefusal
}

// AskRefusal is why not, and what to do about it: two plain texts.
type AskRefusal struct {
	Reason   admission.Reason
	Sentence string
	Next     string
}

// ErrNotReady is returned while the bridge still works out what an earlier process left.
var ErrNotReady = errors.New("the server is still starting")

// Ask decides about a wish and starts a run, or joins one, or refuses. Whatever it
// answers is written down. An error says that nothing was decided: the same may be asked
// again a little later, but for one that wraps ledger.ErrAskedOtherwise. It works while
// Run does, and is safe for concurrent use.
func (b *Bridge) Ask(ctx context.Context, a Ask) (Answer, error) {
	select {
	case <-b.ready:
	default:
		return Answer{}, ErrNotReady
	}
	if a.Key == "" {
		a.Key = "once:" + rand.Text()
	} else if answer, ok, err := b.asked(ctx, a); ok || err != nil {
		return answer, err
	}
	decision, err := b.decideAsk(ctx, &a)
	switch {
	case err != nil:
		return Answer{}, err
	case decision.Refusal != nil:
		err = b.refuseAsk(ctx, a, *decision.Refusal)
	default:
		r := *decision.Request
		r.Via, r.Flavor, r.Secrets = a.Via, a.Flavor, a.Secrets || r.Secrets
		err = b.settle(ctx, asker{b, a}, r)
	}
	if err != nil {
		return Answer{}, err
	}
	answer, ok, err := b.asked(ctx, a) // who was first with the same key has the word
	if err == nil && !ok {
		err = errors.New("cannot find the answer that was just written down")
	}
	return answer, err
}

// Trusts says whether somebody is one whose comment could start a run. Where that cannot
// be found out, they are not.
func (b *Bridge) Trusts(ctx context.Context, repo forge.Repo, who forge.Person) bool {
	p, e := b.forges[repo.Forge], b.enrolmentOf(repo)
	if p == nil || who.ID == 0 && who.Login == "" {
		return false
	}
	ok, err := admission.Trusts(ctx, admission.Input{Comment: forge.Comment{Repo: repo, Author: who}, Enrolment: e, Org: p.Org}, p.Client)
	if err != nil {
		b.Log.Warn("cannot find out whether somebody is trusted, so they are not", "repo", repo.String(), "who", who.Login, "err", err)
	}
	return ok && err == nil
}

func (a Ask) what() string {
	where := fmt.Sprintf("#%d", a.Pull)
	if a.Pull == 0 {
		where = "@" + a.Branch
	}
	return strings.ToLower(a.Repo.Forge+" "+a.Repo.String()) + strings.TrimSpace(fmt.Sprintf("%s %s %s %s", where, a.Commit, a.Flavor, strings.Join(a.Needs, "+")))
}

// asked is the answer that was given before.
func (b *Bridge) asked(ctx context.Context, a Ask) (Answer, bool, error) {
	known, ok, err := b.Ledger.Asked(ctx, a.Key, b.Now())
	if err != nil || !ok {
		return Answer{}, false, err
	}
	if known.What != a.what() {
		return Answer{}, false, fmt.Errorf("cannot ask for %s with this key: %w: use another key", a.what(), ledger.ErrAskedOtherwise)
	}
	if known.Refusal == "" {
		return Answer{Run: known.Run, Joined: known.Joined}, true, nil
	}
	refusal, about := admission.ParseRefusal(known.Refusal), b.about(a.Repo)
	return Answer{Refusal: &AskRefusal{Reason: refusal.Reason, Sentence: refusal.Sentence(about), Next: refusal.NextAsked(about)}}, true, nil
}

// decideAsk asks the forge what a decision rests on, and decides. It spells the
// repository as the enrolment does.
func (b *Bridge) decideAsk(ctx context.Context, a *Ask) (admission.Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	in := admission.Input{
		Comment: forge.Comment{Repo: a.Repo, Pull: a.Pull, Author: forge.Person{ID: a.By.ID, Login: a.By.Login}, Created: b.Now()},
		Vouched: a.Vouched, Commit: a.Commit, Enrolment: b.enrolmentOf(a.Repo),
	}
	p := b.forges[a.Repo.Forge]
	if p == nil || in.Enrolment == nil {
		return admission.Decision{Refusal: &admission.Refusal{Reason: admission.NotEnrolled}}, nil
	}
	in.Org, in.Bot = p.Org, p.known()
	a.Repo, _ = b.repoOf(*in.Enrolment)
	in.Enrolment.Needs = union(in.Enrolment.Needs, a.Needs)
	b.findObstacles(ctx, &in)
	if a.Pull == 0 {
		branch, err := p.Client.Branch(ctx, a.Repo, a.Branch)
		if errors.Is(err, forge.ErrNotFound) {
			return admission.DecideBranch(ctx, in, nil, p.Client)
		}
		if err != nil {
			return admission.Decision{}, fmt.Errorf("cannot look up the branch %s of %s: %w", cmp.Or(a.Branch, "by default"), a.Repo, err)
		}
		return admission.DecideBranch(ctx, in, &branch, p.Client)
	}
	pull, err := p.Client.PullRequest(ctx, a.Repo, a.Pull)
	switch {
	case err == nil:
		in.Pull = &pull
	case !errors.Is(err, forge.ErrNotFound):
		return admission.Decision{}, fmt.Errorf("cannot read %s#%d: %w", a.Repo, a.Pull, err)
	}
	return admission.Decide(ctx, in, p.Client)
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, need := range b {
		if !slices.Contains(all, need) {
			all = append(all, need)
		}
	}
	return all
}

func (b *Bridge) refuseAsk(ctx context.Context, a Ask, refusal admission.Refusal) error {
	done, err := b.Ledger.DecideAsk(ctx, b.decided(a, ledger.Decision{Refusal: refusal.String()}, false))
	if done {
		asker{b, a}.audit(ctx, "refuse", "", refusal.String())
	}
	return err
}

func (b *Bridge) decided(a Ask, d ledger.Decision, joined bool) ledger.Ask {
	return ledger.Ask{Key: a.Key, What: a.what(), At: b.Now(), Who: a.By.Login, Decision: d, Joined: joined}
}

// asker is an ask that wants a run.
type asker struct {
	b *Bridge
	Ask
}

func (a asker) who() string { return a.By.Login }

// joins writes nothing: whoever asks is answered.
func (a asker) joins(context.Context, run.Report) error { return nil }

func (a asker) decide(ctx context.Context, id run.ID, joined bool, events ...run.Event) (bool, error) {
	return a.b.Ledger.DecideAsk(ctx, a.b.decided(a.Ask, ledger.Decision{Run: id}, joined), events...)
}

func (a asker) audit(ctx context.Context, what string, id run.ID, why string) {
	subject := fmt.Sprintf("%s asked through %s", a.what(), a.Via)
	if id != "" {
		subject += " run " + string(id)
	}
	a.b.record(ctx, ledger.AuditEntry{Who: a.By.Login, What: what, Subject: subject, Why: why})
}
