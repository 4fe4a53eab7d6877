package bridge_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/admission"
	"seatrial/bridge/answer"
	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

var token = run.Person{Login: "token ci"}

func (w *world) ask(a answer.Ask) (answer.Answer, error) {
	if a.Repo.Name == "" {
		a.Repo = guestbook
	}
	if a.By.Login == "" {
		a.By, a.Vouched, a.Via = token, true, run.ViaAPI
	}
	return w.alive.bridge.Ask(context.Background(), a)
}

func (w *world) mustAsk(a answer.Ask) answer.Answer {
	w.t.Helper()
	answer, err := w.ask(a)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

func TestARunIsAskedForWithoutAComment(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		answer := w.mustAsk(answer.Ask{Pull: 7, Commit: oldHead})
		pause(2 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		if answer.Run != r.Request.ID || answer.Joined || answer.Refusal != nil {
			t.Errorf("the answer was %+v, and the run is %s", answer, r.Request.ID)
		}
		ours := w.forge.ours()
		if len(ours) != 1 || !strings.Contains(ours[0].Body, "Asked for through the API by `token ci`.") {
			t.Errorf("the comments are %+v", ours)
		}
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, w.forge.states(oldHead)); d != "" {
			t.Error("statuses: " + d)
		}
		if r.Request.Secrets || r.Request.Via != run.ViaAPI || r.Request.AskedBy != token {
			t.Errorf("the request is %+v", r.Request)
		}
	})
}

func TestABranchGetsAStatusAndNoComment(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.branches["main"] = newHead
		w.start()
		w.mustAsk(answer.Ask{Secrets: true})
		pause(2 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		want := run.Code{Forge: "gitea", Repo: "coop/guestbook", URL: "https://forge.test/coop/guestbook.git", Ref: "refs/heads/main", Commit: newHead,
			Link: "https://forge.test/coop/guestbook/src/branch/main"}
		if d := cmp.Diff(want, r.Request.Code); d != "" || !r.Request.Secrets {
			t.Errorf("secrets %v, %s", r.Request.Secrets, d)
		}
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, w.forge.states(newHead)); d != "" || len(w.forge.ours()) != 0 {
			t.Errorf("comments %+v; statuses: %s", w.forge.ours(), d)
		}
		if ids, err := w.memory.Unannounced(context.Background()); err != nil || len(ids) != 0 {
			t.Errorf("not announced: %v, %v", ids, err)
		}
	})
}

func TestACommitThatIsGoneEndsItsTelling(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.fail = func(call string) error {
			if call == "SetStatus" {
				return forge.ErrNotFound
			}
			return nil
		}
		w.start()
		w.mustAsk(answer.Ask{})
		pause(2 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if ids, err := w.memory.Unannounced(context.Background()); err != nil || len(ids) != 0 {
			t.Errorf("not announced: %v, %v", ids, err)
		}
	})
}

func TestAsksAreRefusedWithTheNextStep(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		stranger := run.Person{ID: eve.ID, Login: eve.Login}
		for name, c := range map[string]struct {
			ask  answer.Ask
			want admission.Reason
		}{
			"not enrolled":    {answer.Ask{Repo: wiki, Pull: 7}, admission.NotEnrolled},
			"no forge":        {answer.Ask{Repo: forge.Repo{Forge: "nowhere", Owner: "coop", Name: "guestbook"}}, admission.NotEnrolled},
			"no pull request": {answer.Ask{Pull: 99}, admission.PullRequestGone},
			"no branch":       {answer.Ask{Branch: "nowhere"}, admission.BranchGone},
			"empty":           {answer.Ask{Branch: "empty"}, admission.BranchEmpty},
			"another commit":  {answer.Ask{Pull: 7, Commit: newHead}, admission.NotTheHead},
			"of a branch":     {answer.Ask{Commit: newHead}, admission.NotTheHead},
			"a need":          {answer.Ask{Pull: 7, Needs: []string{"gpu"}}, admission.NeedsUnmet},
			"a stranger":      {answer.Ask{Pull: 7, By: stranger}, admission.NotAMember},
			"on a branch":     {answer.Ask{By: stranger}, admission.NotAMember},
		} {
			answer, err := w.ask(c.ask)
			if err != nil || answer.Refusal == nil || answer.Refusal.Reason != c.want || answer.Run != "" {
				t.Errorf("%s: %+v, %v; want %s", name, answer, err, c.want)
				continue
			}
			if r := answer.Refusal; r.Sentence == "" || r.Next == "" || strings.Contains(r.Sentence+r.Next, "comment again") {
				t.Errorf("%s: %q %q", name, r.Sentence, r.Next)
			}
		}
		pause(time.Minute)
		w.stop()
		if len(w.runs()) != 0 || len(w.forge.ours()) != 0 || len(w.forge.statuses) != 0 {
			t.Errorf("runs %v, comments %+v, statuses %v", w.runs(), w.forge.ours(), w.forge.statuses)
		}
	})
}

func TestWhatIsNotPermittedIsNotAskedForEither(t *testing.T) {
	for want, permitted := range map[admission.Reason]admission.Permissions{
		admission.NotPermitted: {Repos: []string{"other/*"}}, admission.BranchLeftOut: {Branches: []string{"release/*"}},
	} {
		inABubble(t, func(t *testing.T, w *world) {
			w.permitted = permitted
			w.start()
			for _, a := range []answer.Ask{{Pull: 7}, {}, {Branch: "main", Base: "main"}} {
				if answer := w.mustAsk(a); answer.Refusal == nil || answer.Refusal.Reason != want {
					t.Errorf("%+v: %+v, want %s", a, answer, want)
				}
			}
			w.stop()
		})
	}
}

func TestTheSameKeyIsTheSameAsk(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		first := w.mustAsk(answer.Ask{Key: "k", Pull: 7})
		pause(2 * time.Minute) // its run has ended
		w.stop()
		w.start()
		if again := w.mustAsk(answer.Ask{Key: "k", Pull: 7}); again != first {
			t.Errorf("got %+v, then %+v", first, again)
		}
		if _, err := w.ask(answer.Ask{Key: "k", Branch: "main"}); !errors.Is(err, ledger.ErrAskedOtherwise) {
			t.Errorf("another ask with the same key: %v", err)
		}
		pause(25 * time.Hour)
		if again := w.mustAsk(answer.Ask{Key: "k", Pull: 7}); again.Run == first.Run {
			t.Error("a day later the key still stands for the old run")
		}
		pause(2 * time.Minute)
		w.stop()
		if n := len(w.runs()); n != 2 {
			t.Errorf("there are %d runs, want 2", n)
		}
	})
}

func TestManyAskAtOnceWithOneKeyAndWithout(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		answers := make([]answer.Answer, 20)
		var wg sync.WaitGroup
		for i := range answers {
			key := "k"
			if i%2 == 0 {
				key = ""
			}
			wg.Go(func() { answers[i] = w.mustAsk(answer.Ask{Key: key, Pull: 7, Secrets: true}) })
		}
		wg.Wait()
		pause(5 * time.Minute)
		w.stop()
		runs := map[run.ID]bool{}
		for _, a := range answers {
			runs[a.Run] = true
		}
		if len(runs) != 1 {
			t.Errorf("they got %v", runs)
		}
		if r := w.onlyRun(); len(r.Joined) == 0 {
			t.Errorf("nobody joined %s", r.Request.ID)
		}
	})
}

// A comment's run may use more than one for a stranger's webhook, so that it is another.
func TestWhoMayMoreDoesNotJoinWhatMayLess(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.capacity = 2
		w.start()
		less := w.mustAsk(answer.Ask{Pull: 7})
		more := w.mustAsk(answer.Ask{Pull: 7, Secrets: true})
		other := w.mustAsk(answer.Ask{Pull: 7, Flavor: "arm"})
		joined := w.mustAsk(answer.Ask{Pull: 7})
		if less.Run == more.Run || other.Run == more.Run || !joined.Joined {
			t.Errorf("got %+v, %+v, %+v, %+v", less, more, other, joined)
		}
		pause(5 * time.Minute)
		w.stop()
		for _, r := range w.runs() {
			wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		}
	})
}

func TestANewerHeadOfABranchSupersedesWhatWaits(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.branches["other"] = oldHead
		w.start()
		first := w.mustAsk(answer.Ask{}) // has the slot
		w.forge.mu.Lock()
		w.forge.branches["main"] = newHead
		w.forge.mu.Unlock()
		pause(time.Second)
		waits := w.mustAsk(answer.Ask{Branch: "other"})
		second := w.mustAsk(answer.Ask{Branch: "main"})
		w.forge.mu.Lock()
		w.forge.branches["main"] = strings.Repeat("3", 40)
		w.forge.mu.Unlock()
		third := w.mustAsk(answer.Ask{})
		pause(5 * time.Minute)
		w.stop()
		got := map[run.ID]string{}
		for _, r := range w.runs() {
			got[r.Request.ID] = r.Word()
		}
		want := map[run.ID]string{first.Run: "pass", waits.Run: "pass", second.Run: "superseded", third.Run: "pass"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestAskedAndKilledAtEveryDeed(t *testing.T) {
	for _, after := range []bool{false, true} {
		for deed, more := 1, true; more; deed++ {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.executor.Close()
				w.start()
				w.mu.Lock()
				w.killAt, w.after = w.deeds+deed, after
				w.mu.Unlock()
				first, err := w.ask(answer.Ask{Key: "k", Pull: 7})
				pause(90 * time.Second)
				more = w.killed()
				w.stop()
				w.start()
				again := w.mustAsk(answer.Ask{Key: "k", Pull: 7}) // whoever asks tries again
				pause(20 * time.Minute)
				w.stop()
				r := w.onlyRun()
				wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
				if again.Run != r.Request.ID || err == nil && first != again {
					t.Errorf("killed at deed %d (after: %v): %+v, %v, then %+v", deed, after, first, err, again)
				}
				if ours := w.forge.ours(); len(ours) != 1 {
					t.Errorf("killed at deed %d (after: %v): the comments are %+v", deed, after, ours)
				}
			})
		}
	}
}

func TestTrustIsNeverGuessed(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		b := w.alive.bridge
		for who, want := range map[forge.Person]bool{ada: true, eve: false, {}: false} {
			if got := b.Trusts(t.Context(), guestbook, who); got != want {
				t.Errorf("%+v is trusted: %v", who, got)
			}
		}
		if b.Trusts(t.Context(), wiki, ada) {
			t.Error("somebody is trusted with a repository that is not enrolled")
		}
		w.forge.fail = func(string) error { return errors.New("502") }
		if b.Trusts(t.Context(), guestbook, ada) {
			t.Error("somebody is trusted although nobody could say so")
		}
		if _, err := w.ask(answer.Ask{Pull: 7}); err == nil || len(w.runs()) != 0 {
			t.Errorf("a forge that does not answer: %v", err)
		}
		w.stop()
	})
}

func TestAMergeQueuesGroupIsTestedWhereTheEnrolmentSaysSo(t *testing.T) {
	group := hook.Event{Forge: "gitea", Kind: hook.MergeGroup, Repo: guestbook, Ref: "refs/heads/gh-readonly-queue/main/pr-7", Commit: newHead}
	for _, wanted := range []bool{false, true} {
		inABubble(t, func(t *testing.T, w *world) {
			w.mergeQueue = wanted
			w.forge.branches["gh-readonly-queue/main/pr-7"] = newHead
			down := true
			w.forge.fail = func(call string) error {
				if call == "Branch" && down {
					down = false
					return errors.New("502")
				}
				return nil
			}
			w.start()
			for range 3 { // the forge delivers it again
				w.alive.bridge.Hooked(t.Context(), group)
			}
			pause(2 * time.Minute)
			w.stop()
			if !wanted {
				if n := len(w.runs()); n != 0 {
					t.Errorf("there are %d runs", n)
				}
				return
			}
			r := w.onlyRun()
			wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
			if r.Request.Via != run.ViaMergeGroup || len(w.forge.ours()) != 0 {
				t.Errorf("the request is %+v, the comments %+v", r.Request, w.forge.ours())
			}
			if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, w.forge.states(newHead)); d != "" {
				t.Error(d)
			}
		})
	}
}
