package answer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

// Ask is a request for a run that is not decided yet: of the head of a pull request, or of
// a branch.
type Ask struct {
	// Key makes an ask idempotent: the same key gets the same answer for ledger.AskMemory.
	// Empty: it is never repeated.
	Key string

	Repo   forge.Repo
	Pull   int    // 0: a branch
	Branch string // "" is the default branch
	Commit string // if given, it must be the head
	Base   string // what a merge queue wants to merge the branch into; else empty

	By run.Person // who asks; the login is shown to people
	// Vouched: the operator's token or settings speak for the asker. Otherwise it must be
	// somebody whose comment would do.
	Vouched bool
	Via     run.Via

	Needs   []string // capabilities, besides the enrolment's
	Flavor  string   // a label for an operator's builder, instead of the enrolment's
	Secrets bool     // the code may use what an operator's builder keeps secret
}

// question is an ask on its way to an answer.
type question struct {
	Ask
	comment *ledger.Comment // that asks; nil where none does
}

// Answer is what became of an ask: a run, or a refusal.
type Answer struct {
	Run     run.ID
	Joined  bool // the run was there already, and answers this as well
	Refusal *Refusal
}

// Refusal is why not, and what to do about it: two plain texts.
type Refusal struct {
	Reason   admission.Reason
	Sentence string
	Next     string
}

// ErrNotReady is returned while the bridge still works out what an earlier process left.
var ErrNotReady = errors.New("the server is still starting")

// Ask decides about a request that comes without a comment, and records the answer. An
// error means that nothing was decided, and that the caller may try again a little later,
// unless it wraps ledger.ErrAskedOtherwise. It works while Run does, and is safe for
// concurrent use.
func (a *Answerer) Ask(ctx context.Context, q Ask) (Answer, error) {
	select {
	case <-a.ready:
	default:
		return Answer{}, ErrNotReady
	}
	if q.Key == "" {
		q.Key = "once:" + rand.Text()
	} else if answer, ok, err := a.answered(ctx, q); ok || err != nil {
		return answer, err
	}
	if err := a.answer(ctx, question{Ask: q}); err != nil {
		return Answer{}, err
	}
	answer, ok, err := a.answered(ctx, q) // of two with the same key, the first decided
	if err == nil && !ok {
		err = errors.New("cannot find the answer that was just written down")
	}
	return answer, err
}

// answered returns the answer that was recorded for the key, if any.
func (a *Answerer) answered(ctx context.Context, q Ask) (Answer, bool, error) {
	known, ok, err := a.Ledger.Asked(ctx, q.Key, a.Now())
	if err != nil || !ok {
		return Answer{}, false, err
	}
	if known.What != q.what() {
		return Answer{}, false, fmt.Errorf("cannot ask for %s with this key: %w: use another key", q.what(), ledger.ErrAskedOtherwise)
	}
	if known.Refusal == "" {
		return Answer{Run: known.Run, Joined: known.Joined}, true, nil
	}
	refusal := admission.ParseRefusal(known.Refusal)
	words := refusal.WordsWithoutComment(a.about(q.Repo))
	return Answer{Refusal: &Refusal{Reason: refusal.Reason, Sentence: words.Sentence, Next: words.Next}}, true, nil
}

// Trusts says whether somebody's comment could start a run. If that cannot be found out, it
// says no.
func (a *Answerer) Trusts(ctx context.Context, repo forge.Repo, who forge.Person) bool {
	f, ok := a.Forges[repo.Forge]
	e, repo := a.Enrolled.Of(repo)
	if !ok || who.ID == 0 && who.Login == "" {
		return false
	}
	ok, err := admission.Trusts(ctx, admission.Input{Comment: forge.Comment{Repo: repo, Author: who}, Enrolment: e, Org: f.Org}, f.Client)
	if err != nil {
		a.Log.Warn("cannot find out whether somebody is trusted, so they are not", "repo", repo.String(), "who", who.Login, "err", err)
	}
	return ok && err == nil
}

// what names the thing asked for, so that a key cannot be used for another one.
func (q Ask) what() string {
	where := fmt.Sprintf("#%d", q.Pull)
	if q.Pull == 0 {
		where = "@" + q.Branch
	}
	return strings.ToLower(q.Repo.Forge+" "+q.Repo.String()) + strings.TrimSpace(fmt.Sprintf("%s %s %s %s", where, q.Commit, q.Flavor, strings.Join(q.Needs, "+")))
}
