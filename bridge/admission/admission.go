// Package admission decides whether a comment may start a run.
//
// It answers every command addressed to us: with a request, or with a reason
// written for the person who asked. It changes nothing, so it may be called
// twice, and it never guesses: if membership cannot be checked, Decide returns
// an error and the caller tries again later. The one question that it asks of
// the world is whether somebody is a member.
package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Input is everything that a decision rests on.
type Input struct {
	Comment forge.Comment

	Enrolment *recipes.Enrolment // of the comment's repository; nil where there is none
	Pull      *forge.PullRequest // as it is now; nil where the forge says that there is none. Not needed without an enrolment
	Pushes    []forge.Push       // to the pull request, since the comment or longer

	// Vouched: a token that the operator gave out speaks for the asker, so nobody asks
	// whether they are a member.
	Vouched bool
	// Commit is what the asker says the head is; empty where they do not.
	Commit string
	// Base is what a branch that is to be tested shall be merged into; empty for one of
	// its own right.
	Base string

	// Permitted is what may be tested at all on this forge, whatever enrolments say.
	Permitted Permissions
	// PerHour is how many runs one person may ask for in an hour; 0 for any number. Asked
	// is when those of the last hour were asked for.
	PerHour int
	Asked   []time.Time
	// Joins: a run that has not ended answers this already, so none would be started.
	Joins bool

	Org string       // whose members may ask
	Bot forge.Person // ourselves

	// CannotIsolate says why this host cannot keep the code away from itself;
	// empty where it can.
	CannotIsolate string
	// CannotDispatch says why the executor does not take this recipe's runs, and what
	// an operator does about it; empty where it does.
	CannotDispatch Obstacle
	// CannotFetch says why runs of what not everybody can read are not started there; empty
	// where they are.
	CannotFetch Obstacle
	// Unmet are needs of the enrolment that nothing here meets.
	Unmet []string

	Tries int // how often this was tried in vain

	ID run.ID // for the request, if there will be one
}

// Decision is a request, a refusal, or, with neither, silence: the comment is our own.
type Decision struct {
	Request *run.Request
	Refusal *Refusal
}

// lagTries is how often a push that is not noted yet is waited for, with growing
// pauses. Then nobody can say any more that it came before the comment.
const lagTries = 5

// ErrMembershipUnknown is wrapped where it could not be found out who the asker is.
var ErrMembershipUnknown = errors.New("membership is not known")

// Decide applies the rules, in the order in which a person would want to hear
// about them.
func Decide(ctx context.Context, in Input, members Members) (Decision, error) {
	switch {
	case !in.Vouched && in.Comment.Author.ID == in.Bot.ID:
		return Decision{}, nil
	case in.Enrolment == nil:
		return refuse(NotEnrolled)
	case in.Pull == nil:
		return refuse(PullRequestGone)
	case !in.Pull.Open && in.Pull.Merged:
		return refuse(Closed, merged)
	case !in.Pull.Open:
		return refuse(Closed)
	case in.Pull.Head == "":
		return Decision{}, fmt.Errorf("cannot decide about comment %d: the forge does not say which commit is the head of %s#%d", in.Comment.ID, in.Comment.Repo, in.Comment.Pull)
	}
	if refusal := leftOut(in); refusal != nil {
		return Decision{Refusal: refusal}, nil
	}
	refusal, err := mayAsk(ctx, in, members)
	if err != nil || refusal != nil {
		return Decision{Refusal: refusal}, err
	}
	if in.Commit != "" && in.Commit != in.Pull.Head {
		return refuse(NotTheHead, in.Commit, in.Pull.Head)
	}
	then, moved := headMoved(in)
	if !moved && then != "" && then != in.Pull.Head {
		// A forge shows a new head before it notes the push: when that came is not known yet.
		if in.Tries < lagTries {
			return Decision{}, fmt.Errorf("cannot decide about comment %d: the head is %s, and the latest push that the forge notes is of %s", in.Comment.ID, in.Pull.Head, then)
		}
		moved = true
	}
	if moved {
		return refuse(HeadMoved, orUnknown(then), in.Pull.Head)
	}
	if refusal := obstacles(in, in.Pull.Private); refusal != nil {
		return Decision{Refusal: refusal}, nil
	}
	if until := tooMany(in); !until.IsZero() {
		return refuse(TooMany, strconv.Itoa(in.PerHour), until.UTC().Format(time.RFC3339))
	}
	return accept(in, codeOfPull(*in.Pull)), nil
}

// obstacles says what is in the way of any run of the recipe; nil for nothing.
func obstacles(in Input, private bool) *Refusal {
	switch {
	// What is deployed on a swarm runs in containers, whatever this host can.
	case in.CannotIsolate != "" && !in.Enrolment.Trusted.Code && in.Enrolment.Target != recipes.TargetSwarm:
		return &Refusal{Reason: CannotIsolate}
	case len(in.Unmet) > 0:
		return &Refusal{Reason: NeedsUnmet, Details: strings.Fields(strings.Join(in.Unmet, " "))}
	case in.CannotDispatch.Why != "":
		return &Refusal{Reason: CannotDispatch, Details: in.CannotDispatch.words()}
	case private && in.CannotFetch.Why != "":
		return &Refusal{Reason: CannotDispatch, Details: in.CannotFetch.words()}
	}
	return nil
}

func refuse(reason Reason, details ...string) (Decision, error) {
	return Decision{Refusal: &Refusal{Reason: reason, Details: details}}, nil
}

// leftOut refuses pull requests that are not tested, whoever asks.
func leftOut(in Input) *Refusal {
	e, pull := in.Enrolment, in.Pull
	switch {
	case !in.Permitted.repo(pull.Repo.String()):
		return &Refusal{Reason: NotPermitted}
	case !matchesAny(in.Permitted.Branches, pull.Base), !matchesAny(e.Branches, pull.Base):
		return &Refusal{Reason: BranchLeftOut, Details: []string{pull.Base}}
	case e.Drafts == recipes.Deny && pull.Draft:
		return &Refusal{Reason: Draft}
	case e.Forks == recipes.Deny && !strings.EqualFold(pull.HeadRepo, pull.Repo.String()):
		return &Refusal{Reason: Fork}
	}
	return nil
}

// headMoved finds the first push after the comment. The number tells the order
// within a second, the time where a forge numbers its pushes differently. Where it does
// not number them at all, one in the comment's own second counts as after it: nobody can
// say that it was not.
func headMoved(in Input) (then string, moved bool) {
	pushes := slices.SortedFunc(slices.Values(in.Pushes), func(a, b forge.Push) int { return a.At.Compare(b.At) })
	for _, p := range pushes {
		if p.ID > in.Comment.ID || p.At.After(in.Comment.Created) || p.ID == 0 && !p.At.Before(in.Comment.Created) {
			if p.Before != "" {
				then = p.Before
			}
			return then, true
		}
		then = p.After
	}
	return then, false
}

// orUnknown stands for a commit that the forge did not name.
func orUnknown(commit string) string {
	return cmp.Or(commit, unknownCommit)
}

func codeOfPull(pull forge.PullRequest) run.Code {
	return run.Code{
		Forge:  pull.Repo.Forge,
		Repo:   pull.Repo.String(),
		URL:    pull.CloneURL,
		Pull:   pull.Number,
		Ref:    pull.HeadRef,
		Commit: pull.Head,
		Base:   pull.Base,
		Link:   pull.URL,

		Private: pull.Private,
	}
}

func accept(in Input, code run.Code) Decision {
	e := in.Enrolment
	return Decision{Request: &run.Request{
		ID:      in.ID,
		Recipe:  e.Name,
		Code:    code,
		AskedBy: run.Person{Login: in.Comment.Author.Login, ID: in.Comment.Author.ID},
		AskedAt: in.Comment.Created,
		Limit:   positiveOr(e.Limit(), run.DefaultLimit),
		Silence: positiveOr(time.Duration(e.Timeouts.Silence), run.DefaultSilence),
		Needs:   slices.Clone(e.Needs),
		Trusted: e.Trusted.Code,
		Secrets: !in.Vouched, // whoever vouches says more
	}}
}

func positiveOr(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
