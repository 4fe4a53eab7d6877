package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/answer"
	"seatrial/bridge/forge"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// hangingForge accepts every question and answers none while it hangs.
type hangingForge struct {
	*fakeForge
	gate  sync.Mutex
	until chan struct{}          // closed when it comes back; nil while it does not hang
	hangs func(call string) bool // which questions; nil: all
}

// hang lets the given questions hang, or all.
func (f *hangingForge) hang(which func(call string) bool) {
	f.gate.Lock()
	defer f.gate.Unlock()
	if f.hangs = which; f.until == nil {
		f.until = make(chan struct{})
	}
}

func (f *hangingForge) comeBack() {
	f.gate.Lock()
	defer f.gate.Unlock()
	close(f.until)
	f.until = nil
}

func (f *hangingForge) wait(ctx context.Context, call string) error {
	f.gate.Lock()
	until, hangs := f.until, f.hangs
	f.gate.Unlock()
	if until == nil || hangs != nil && !hangs(call) {
		return nil
	}
	select {
	case <-until:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the forge did not answer: %w", ctx.Err())
	}
}

func (f *hangingForge) CommentsAfter(ctx context.Context, scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	if err := f.wait(ctx, "CommentsAfter"); err != nil {
		return nil, "", err
	}
	return f.fakeForge.CommentsAfter(ctx, scope, cursor)
}

func (f *hangingForge) Self(ctx context.Context) (forge.Person, error) {
	if err := f.wait(ctx, "Self"); err != nil {
		return forge.Person{}, err
	}
	return f.fakeForge.Self(ctx)
}

func (f *hangingForge) React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error {
	if err := f.wait(ctx, "React"); err != nil {
		return err
	}
	return f.fakeForge.React(ctx, repo, comment, reaction)
}

func (f *hangingForge) PullRequest(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	if err := f.wait(ctx, "PullRequest"); err != nil {
		return forge.PullRequest{}, err
	}
	return f.fakeForge.PullRequest(ctx, repo, number)
}

func (f *hangingForge) CreateComment(ctx context.Context, repo forge.Repo, pull int, body string) (int64, error) {
	if err := f.wait(ctx, "CreateComment"); err != nil {
		return 0, err
	}
	return f.fakeForge.CreateComment(ctx, repo, pull, body)
}

func (f *hangingForge) EditComment(ctx context.Context, repo forge.Repo, id int64, body string) error {
	if err := f.wait(ctx, "EditComment"); err != nil {
		return err
	}
	return f.fakeForge.EditComment(ctx, repo, id, body)
}

func (f *hangingForge) SetStatus(ctx context.Context, repo forge.Repo, commit string, s forge.Status) error {
	if err := f.wait(ctx, "SetStatus"); err != nil {
		return err
	}
	return f.fakeForge.SetStatus(ctx, repo, commit, s)
}

// hubRepo is a repository on a second forge, with a pull request whose head is its own.
func hubRepo(i int) forge.Repo {
	return forge.Repo{Forge: "hub", Owner: "guild", Name: fmt.Sprintf("mail%d", i)}
}

// addHub adds a second forge with as many enrolled repositories.
func (w *world) addHub(repos int) *hangingForge {
	w.hub = &hangingForge{fakeForge: newFakeForge()}
	for i := range repos {
		repo := hubRepo(i)
		w.hub.pulls[key(repo, 7)] = &forge.PullRequest{Repo: repo, Number: 7, Open: true, Head: fmt.Sprintf("%040d", i), HeadRef: "refs/pull/7/head", Base: "main",
			CloneURL: "https://hub.test/" + repo.String() + ".git", URL: "https://hub.test/" + repo.String() + "/pulls/7"}
		w.others = append(w.others, recipes.Enrolment{Name: repo.Name, Forge: "hub", Repo: repo.String()})
	}
	return w.hub
}

// A forge that hangs, with comments to answer, runs to tell of, more of both than are
// attended to at once, and pull requests to look at: the other one's people notice nothing.
func TestAForgeThatHangsDelaysNoOther(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		const announced, unanswered = 6, 4
		hub := w.addHub(announced + unanswered)
		w.start()
		pause(30 * time.Second)
		for i := range announced {
			hub.sayOn(hubRepo(i), ada, "!testme")
		}
		pause(31 * time.Second)
		if n := len(hub.ours()); n != announced {
			t.Fatalf("the hub was told of %d runs", n)
		}
		hub.hang(func(call string) bool { return call != "CommentsAfter" })
		for i := range unanswered {
			hub.sayOn(hubRepo(announced+i), ada, "!testme")
		}
		pause(31 * time.Second) // they are seen, and the first run ends
		hub.hang(nil)
		pause(10 * time.Second)

		w.forge.mu.Lock()
		w.forge.branches["main"] = newHead
		w.forge.mu.Unlock()
		asked := w.mustAsk(answer.Ask{})
		pause(time.Second)
		if states := w.forge.states(newHead); len(states) == 0 {
			t.Errorf("a second after a program asked for run %s, its commit has no status", asked.Run)
		}
		id := w.forge.say(ada, "!testme")
		pause(31 * time.Second)
		w.wantAnswers("Place")
		if states := w.forge.states(oldHead); len(states) != 1 || w.forge.eyes[id] != 1 {
			t.Errorf("half a minute after a comment there are the statuses %v and %d eyes", states, w.forge.eyes[id])
		}
		w.forge.push(newHead)
		pause(31 * time.Second)
		for _, r := range w.runs() {
			if r.Request.Code.Repo == guestbook.String() && r.Request.Code.Pull == 7 && r.StaleSince != newHead {
				t.Error("half a minute after a push its run is not one about an older commit")
			}
		}

		hub.comeBack()
		pause(30 * time.Minute)
		w.stop()
		runs := w.runs()
		if want := announced + unanswered + 2; len(runs) != want {
			t.Errorf("there are %d runs, want %d", len(runs), want)
		}
		for _, r := range runs {
			wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		}
		ours := hub.ours()
		if len(ours) != announced+unanswered {
			t.Errorf("the hub has %d comments", len(ours))
		}
		for _, c := range ours {
			if !strings.Contains(c.Body, "**pass**") {
				t.Errorf("the hub was not told how %s ended:\n%s", c.Repo, c.Body)
			}
		}
	})
}
