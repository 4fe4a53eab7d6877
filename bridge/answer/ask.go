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

// Ask is a request for a run before it is decided about: of a pull request's head, or of
// a branch's.
type Ask struct {
	// Key makes asking twice asking once: the same key gives the same answer for
	// ledger.AskMemory. Empty: this is not repeated.
	Key string

	Repo   forge.Repo
	Pull   int    // 0: a branch
	Branch string // "" is the default branch
	Commit string // if given, it must be the head
	Base   string // what the branch is to be merged into; empty where it is no merge queue's

	By run.Person // who asks; the login is shown to people
	// Vouched: a token that the operator gave out, or the operator's own settings, speak
	// for the asker. Else they must be one who may comment.
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

// Ask decides about a request that comes without a comment. Whatever it answers is
// written down. An error says that nothing was decided: the same may be asked again a
// little later, but for one that wraps ledger.ErrAskedOtherwise. It works while Run does,
// and is safe for concurrent use.
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
	answer, ok, err := a.answered(ctx, q) // who was first with the same key has the word
	if err == nil && !ok {
		err = errors.New("cannot find the answer that was just written down")
	}
	return answer, err
}

// answered is the answer that was given before.
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

// Trusts says whether somebody is one whose comment could start a run. Where that cannot
// be found out, they are not.
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

// what is asked for, so that one key is not taken for two asks.
func (q Ask) what() string {
	where := fmt.Sprintf("#%d", q.Pull)
	if q.Pull == 0 {
		where = "@" + q.Branch
	}
	return strings.ToLower(q.Repo.Forge+" "+q.Repo.String()) + strings.TrimSpace(fmt.Sprintf("%s %s %s %s", where, q.Commit, q.Flavor, strings.Join(q.Needs, "+")))
}
