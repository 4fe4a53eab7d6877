package admission_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/harness/run"
	"seatrial/recipes"
)

type members struct {
	yes   bool
	err   error
	asked int
}

func (m *members) Member(context.Context, string, forge.Person) (bool, error) {
	m.asked++
	return m.yes, m.err
}

func (m *members) TeamMember(_ context.Context, _, team string, _ forge.Person) (bool, error) {
	m.asked++
	return m.yes && team == "packagers", m.err
}

const (
	oldHead = "1111111111111111111111111111111111111111"
	newHead = "2222222222222222222222222222222222222222"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func input() admission.Input {
	repo := forge.Repo{Forge: "gitea", Owner: "coop", Name: "guestbook"}
	return admission.Input{
		Comment: forge.Comment{Repo: repo, Pull: 7, ID: 100, Author: forge.Person{ID: 5, Login: "ada"}, Body: "!testme", Created: noon, Updated: noon},
		Enrolment: &recipes.Enrolment{Name: "guestbook", Repo: "coop/guestbook", Needs: []string{"kvm"},
			Timeouts: recipes.Timeouts{Limit: recipes.Duration(time.Hour), Silence: recipes.Duration(5 * time.Minute)}},
		Pull: &forge.PullRequest{Repo: repo, Number: 7, Open: true, Head: oldHead, HeadRef: "refs/pull/7/head", Base: "main",
			CloneURL: "https://forge.test/coop/guestbook.git", URL: "https://forge.test/coop/guestbook/pulls/7"},
		Org: "coop", Bot: forge.Person{ID: 1, Login: "seatrial"}, ID: "01k9zq3v8e2m4n6p8r0t2v4x6y",
	}
}

func TestAMemberGetsARequestForTheHead(t *testing.T) {
	got, err := admission.Decide(t.Context(), input(), &members{yes: true})
	if err != nil {
		t.Fatal(err)
	}
	want := admission.Decision{Request: &run.Request{
		ID: "01k9zq3v8e2m4n6p8r0t2v4x6y", Recipe: "guestbook",
		Code: run.Code{Forge: "gitea", Repo: "coop/guestbook", URL: "https://forge.test/coop/guestbook.git", Pull: 7,
			Ref: "refs/pull/7/head", Commit: oldHead, Base: "main", Link: "https://forge.test/coop/guestbook/pulls/7"},
		AskedBy: run.Person{Login: "ada", ID: 5}, AskedAt: noon,
		Limit: time.Hour, Silence: 5 * time.Minute, Needs: []string{"kvm"}, Secrets: true,
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*admission.Input)
		member bool
		want   string
		asked  int // how often membership was asked: never for what is refused anyway
	}{
		{"not enrolled", func(in *admission.Input) { in.Enrolment, in.Pull = nil, nil }, true, "not-enrolled", 0},
		{"gone", func(in *admission.Input) { in.Pull = nil }, true, "pull-request-gone", 0},
		{"closed", func(in *admission.Input) { in.Pull.Open = false }, true, "closed", 0},
		{"merged", func(in *admission.Input) { in.Pull.Open, in.Pull.Merged = false, true }, true, "closed merged", 0},
		{"a stranger", func(in *admission.Input) {}, false, "not-a-member", 1},
		{"a stranger on a closed one hears that it is closed", func(in *admission.Input) { in.Pull.Open = false }, false, "closed", 0},
		{"a stranger after a push hears that they are a stranger", func(in *admission.Input) { moved(in, 101, noon.Add(time.Minute)) }, false, "not-a-member", 1},
		{"a push after the comment", func(in *admission.Input) { moved(in, 101, noon.Add(time.Minute)) }, true, "head-moved " + oldHead + " " + newHead, 1},
		{"a push in the comment's second", func(in *admission.Input) { moved(in, 101, noon) }, true, "head-moved " + oldHead + " " + newHead, 1},
		{"a later push with a lower number", func(in *admission.Input) { moved(in, 3, noon.Add(time.Second)) }, true, "head-moved " + oldHead + " " + newHead, 1},
		{"a push whose commit before is not known", func(in *admission.Input) {
			moved(in, 101, noon.Add(time.Minute))
			in.Pushes[0].Before = ""
		}, true, "head-moved - " + newHead, 1},
		{"a push whose commit before is known from the push before", func(in *admission.Input) {
			moved(in, 101, noon.Add(time.Minute))
			in.Pushes[0].Before = ""
			in.Pushes = append(in.Pushes, forge.Push{ID: 50, At: noon.Add(-time.Hour), After: oldHead})
		}, true, "head-moved " + oldHead + " " + newHead, 1},
		{"a push that the forge never noted", func(in *admission.Input) {
			in.Pull.Head, in.Tries = newHead, 5
			in.Pushes = []forge.Push{{ID: 99, At: noon.Add(-time.Minute), After: oldHead}}
		}, true, "head-moved " + oldHead + " " + newHead, 1},
		{"a push in the comment's second, on a forge that numbers none", func(in *admission.Input) { moved(in, 0, noon) }, true, "head-moved " + oldHead + " " + newHead, 1},
		{"a commit that is not the head", func(in *admission.Input) { in.Vouched, in.Commit = true, newHead }, false, "not-the-head " + newHead + " " + oldHead, 0},
		{"a repository that the operator leaves out", func(in *admission.Input) { in.Permitted.Repos = []string{"coop/*-recipe"} }, true, "not-permitted", 0},
		{"a glob's * stays within a part", func(in *admission.Input) { in.Permitted.Repos = []string{"*"} }, true, "not-permitted", 0},
		{"a branch that the operator leaves out", func(in *admission.Input) { in.Permitted.Branches = []string{"release/*"} }, true, "branch-left-out main", 0},
		{"a branch that the enrolment leaves out", func(in *admission.Input) {
			in.Pull.Base, in.Enrolment.Branches = "release/1/fix", []string{"main", "release/*"}
		}, true, "branch-left-out release/1/fix", 0},
		{"a draft", func(in *admission.Input) { in.Pull.Draft, in.Enrolment.Drafts = true, recipes.Deny }, true, "draft", 0},
		{"a fork", func(in *admission.Input) { in.Pull.HeadRepo, in.Enrolment.Forks = "eve/guestbook", recipes.Deny }, true, "fork", 0},
		{"a fork that is gone", func(in *admission.Input) { in.Pull.HeadRepo, in.Enrolment.Forks = "", recipes.Deny }, true, "fork", 0},
		{"a member who is in none of the teams", func(in *admission.Input) { in.Enrolment.Who.Teams = []string{"owners", "crew"} }, true, "not-named owners crew", 2},
		{"a member who is not named", func(in *admission.Input) {
			in.Enrolment.Who = recipes.Who{Members: new(bool), People: []recipes.Account{{Login: "grace"}}}
		}, true, "not-named", 0},
		{"somebody who took the login of one who is named by number", func(in *admission.Input) {
			in.Enrolment.Who = recipes.Who{Members: new(bool), People: []recipes.Account{{ID: 6}}}
		}, true, "not-named", 0},
		{"a member whom somebody must approve", func(in *admission.Input) { in.Enrolment.Who = approved }, true, "approval-needed grace #7", 1},
		{"a stranger whom nobody approves", func(in *admission.Input) { in.Enrolment.Who = approved }, false, "not-a-member", 1},
		{"too many in an hour", func(in *admission.Input) {
			in.PerHour, in.Asked = 2, []time.Time{noon.Add(-50 * time.Minute), noon.Add(-10 * time.Minute), noon.Add(-20 * time.Minute)}
		}, true, "too-many 2 2026-11-21T12:40:00Z", 1},
		{"no isolation", func(in *admission.Input) { in.CannotIsolate = "not root" }, true, "cannot-isolate", 1},
		{"a need that nothing meets", func(in *admission.Input) { in.Unmet = []string{"kvm", "gpu"} }, true, "needs-unmet kvm gpu", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, m := input(), &members{yes: c.member}
			c.change(&in)
			got, err := admission.Decide(t.Context(), in, m)
			if err != nil {
				t.Fatal(err)
			}
			if got.Request != nil || got.Refusal == nil || got.Refusal.String() != c.want {
				t.Fatalf("got %+v, want the refusal %s", got, c.want)
			}
			if m.asked != c.asked {
				t.Errorf("membership was asked %d times, want %d", m.asked, c.asked)
			}
			if d := cmp.Diff(*got.Refusal, admission.ParseRefusal(got.Refusal.String()), cmp.Comparer(func(a, b []string) bool {
				return strings.Join(a, " ") == strings.Join(b, " ")
			})); d != "" {
				t.Errorf("what is remembered differs: %s", d)
			}
			about := admission.About{Repo: "coop/guestbook", Org: "coop", Word: "!testme"}
			w, unknown := got.Refusal.Words(about), admission.Refusal{}.Words(about)
			if w.Sentence == "" || w.Sentence == unknown.Sentence || strings.Contains(w.Sentence, "{") {
				t.Errorf("the refusal has no sentence of its own: %q", w.Sentence)
			}
			if w.Next == "" || w.Next == unknown.Next || strings.Contains(w.Next, "{") {
				t.Errorf("the refusal names no next step of its own: %q", w.Next)
			}
		})
	}
}

var approved = recipes.Who{RequireApproval: true, Approvers: []recipes.Account{{Login: "grace"}, {ID: 7}}}

func moved(in *admission.Input, id int64, at time.Time) {
	in.Pull.Head = newHead
	in.Pushes = []forge.Push{{ID: id, At: at, Before: oldHead, After: newHead}}
}

func TestAcceptedAllTheSame(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*admission.Input)
		member bool
	}{
		{"a push before the comment", func(in *admission.Input) {
			in.Pushes = []forge.Push{{ID: 99, At: noon.Add(-time.Minute), After: oldHead}}
		}, true},
		{"a push just before, in the same second", func(in *admission.Input) {
			in.Pushes = []forge.Push{{ID: 99, At: noon, After: oldHead}}
		}, true},
		{"a stranger on the enrolment's list", func(in *admission.Input) { in.Enrolment.Trusted.Senders = []recipes.Account{{Login: "Ada"}} }, false},
		{"a stranger on the list, by number", func(in *admission.Input) { in.Enrolment.Trusted.Senders = []recipes.Account{{ID: 5}} }, false},
		{"somebody who is named", func(in *admission.Input) {
			in.Enrolment.Who = recipes.Who{Members: new(bool), People: []recipes.Account{{Login: "ada"}}}
		}, false},
		{"a member of one of the teams", func(in *admission.Input) { in.Enrolment.Who.Teams = []string{"owners", "packagers"} }, true},
		{"an approver who is no member", func(in *admission.Input) {
			in.Enrolment.Who = approved
			in.Comment.Author = forge.Person{ID: 7, Login: "renamed"}
		}, false},
		{"whom a token vouches for", func(in *admission.Input) { in.Vouched, in.Commit = true, oldHead }, false},
		{"within the permissions", func(in *admission.Input) {
			in.Permitted = admission.Permissions{Repos: []string{"Coop/**"}, Branches: []string{"ma*"}}
			in.Enrolment.Branches = []string{"{main,next}"}
		}, true},
		{"one fewer than too many", func(in *admission.Input) { in.PerHour, in.Asked = 2, []time.Time{noon} }, true},
		{"a draft from a fork", func(in *admission.Input) { in.Pull.Draft, in.Pull.HeadRepo = true, "eve/guestbook" }, true},
		{"trusted code without isolation", func(in *admission.Input) {
			in.CannotIsolate, in.Enrolment.Trusted.Code = "not root", true
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input()
			c.change(&in)
			got, err := admission.Decide(t.Context(), in, &members{yes: c.member})
			if err != nil || got.Request == nil {
				t.Fatalf("got %+v, %v; want a request", got, err)
			}
			if got.Request.Code.Commit != oldHead || got.Request.Trusted != in.Enrolment.Trusted.Code {
				t.Errorf("the request is %+v", got.Request)
			}
		})
	}
}

func TestOurOwnCommentIsNotAnswered(t *testing.T) {
	in := input()
	in.Comment.Author = in.Bot
	got, err := admission.Decide(t.Context(), in, &members{yes: true})
	if err != nil || got.Request != nil || got.Refusal != nil {
		t.Errorf("got %+v, %v; want silence", got, err)
	}
}

func TestATeamThatCouldNotBeAskedIsNotANo(t *testing.T) {
	in := input()
	in.Enrolment.Who.Teams = []string{"owners"}
	if got, err := admission.Decide(t.Context(), in, &members{err: errors.New("502")}); !errors.Is(err, admission.ErrMembershipUnknown) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestItNeverGuesses(t *testing.T) {
	_, err := admission.Decide(t.Context(), input(), &members{yes: true, err: errors.New("502")})
	if !errors.Is(err, admission.ErrMembershipUnknown) {
		t.Errorf("an unanswered question gives %v", err)
	}
	in := input()
	in.Pull.Head, in.Pushes = newHead, []forge.Push{{ID: 99, At: noon.Add(-time.Minute), After: oldHead}}
	if got, err := admission.Decide(t.Context(), in, &members{yes: true}); err == nil {
		t.Errorf("a head whose push is not noted yet gives %+v", got)
	}
	in = input()
	in.Pull.Head = ""
	if got, err := admission.Decide(t.Context(), in, &members{yes: true}); err == nil {
		t.Errorf("a pull request without a head gives %+v", got)
	}
}

func TestLimitsHaveDefaults(t *testing.T) {
	in := input()
	in.Enrolment.Timeouts = recipes.Timeouts{}
	got, err := admission.Decide(t.Context(), in, &members{yes: true})
	if err != nil || got.Request.Limit != run.DefaultLimit || got.Request.Silence != run.DefaultSilence {
		t.Errorf("got %+v, %v", got.Request, err)
	}
}
