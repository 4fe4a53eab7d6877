package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// inABubble runs a story in its own time.
func inABubble(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		story(t, w)
		w.executor.Close()
	})
}

func TestFromACommentToAVerdict(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		w.forge.sayOn(guestbook, ada, "please !testme")
		asked := w.forge.say(ada, " !testme\n")
		pause(2 * time.Minute)
		w.stop()

		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		ours := w.forge.ours()
		if len(ours) != 1 || !strings.HasPrefix(ours[0].Body, "✅ **pass**") {
			t.Errorf("the comments are %+v", ours)
		}
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, w.forge.states(oldHead)); d != "" {
			t.Error("statuses: " + d)
		}
		if len(w.forge.eyes) != 1 || w.forge.eyes[asked] != 1 {
			t.Errorf("the eyes are %v", w.forge.eyes)
		}
		if len(w.routes.labels()) != 0 || w.routes.all != 1 {
			t.Errorf("there are routes to %v, set %d times", w.routes.labels(), w.routes.all)
		}
		if slices.Contains(w.forge.called(), "an edit that changes nothing") {
			t.Error("a comment was edited without a change")
		}
	})
}

func TestSixRequestsFromAskedToAnswered(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		before := len(w.forge.called())
		w.forge.say(ada, "!testme")
		pause(31 * time.Second)
		calls := w.forge.called()[before:]
		w.stop()
		answered := slices.Index(calls, "CreateComment")
		calls = slices.DeleteFunc(calls[:answered+1], func(c string) bool { return c == "CommentsAfter" || c == "DefaultBranch" })
		if d := cmp.Diff([]string{"React", "PullRequest", "Pushes", "Member", "SetStatus", "CreateComment"}, calls); d != "" {
			t.Error(d)
		}
	})
}

func TestAnIdleBridgeAsksOneQuestionACycle(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		pause(30 * time.Second)
		before := len(w.forge.called())
		pause(5 * time.Minute)
		calls := w.forge.called()[before:]
		w.stop()
		if n := len(calls); n < 10 || n > 11 || slices.ContainsFunc(calls, func(c string) bool { return c != "CommentsAfter" }) {
			t.Errorf("in five minutes it asked %d times: %v", n, calls)
		}
	})
}

func TestRefusalsAreAnsweredOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *world)
		want string
	}{
		{"a stranger", func(w *world) { w.forge.say(eve, "!testme") }, "Only members of coop"},
		{"not enrolled", func(w *world) { w.forge.sayOn(wiki, ada, "!testme") }, "not enrolled"},
		{"closed", func(w *world) { w.forge.close(); w.forge.say(ada, "!testme") }, "closed"},
		{"head moved", func(w *world) { w.forge.say(ada, "!testme"); w.forge.push(newHead) }, "you asked about 1111111111, and now the head is 2222222222"},
		{"no isolation", func(w *world) { w.isolated.Store("not root"); w.forge.say(ada, "!testme") }, "cannot keep"},
		{"gone", func(w *world) { w.forge.forget(); w.forge.say(ada, "!testme") }, "can no longer be found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.start()
				c.do(w)
				pause(15 * time.Minute)
				w.stop()
				w.start()
				pause(15 * time.Minute)
				w.stop()
				ours := w.forge.ours()
				if len(ours) != 1 || !strings.Contains(ours[0].Body, c.want) {
					t.Errorf("the answers are %+v, want one with %q", ours, c.want)
				}
				if len(w.runs()) != 0 || len(w.forge.statuses) != 0 {
					t.Errorf("there are runs %v, statuses %v", w.runs(), w.forge.statuses)
				}
			})
		})
	}
}

func TestWhatIsNoCommandIsNotAnswered(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.say(ada, "!testme") // before anything was enrolled
		pause(time.Minute)
		w.start()
		w.forge.say(bot, "!testme")
		w.forge.say(ada, "> !testme")
		w.forge.say(ada, "!testme please")
		edited := w.forge.say(ada, "!testme")
		w.forge.edited(edited)
		pause(30 * time.Minute)
		w.stop()
		if len(w.runs()) != 0 || len(w.forge.ours()) != 1 || len(w.forge.eyes) != 0 { // the bot's own is there
			t.Errorf("there are runs %v, answers %v, eyes %v", w.runs(), w.forge.ours(), w.forge.eyes)
		}
	})
}

func TestMembershipThatCannotBeCheckedYet(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.fail = func(call string) error {
			if call == "Member" {
				return errors.New("502 Bad Gateway")
			}
			return nil
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(2 * time.Minute)
		ours := w.forge.ours()
		if len(ours) != 1 || !strings.Contains(ours[0].Body, "could not be checked yet") {
			t.Errorf("meanwhile the answers are %+v", ours)
		}
		w.stop()
		w.forge.mu.Lock()
		w.forge.fail = nil
		w.forge.mu.Unlock()
		w.start()
		pause(15 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if after := w.forge.ours(); len(after) != 1 || after[0].ID != ours[0].ID || !strings.HasPrefix(after[0].Body, "✅ **pass**") {
			t.Errorf("the answer did not become the run's comment: %+v", after)
		}
	})
}

func TestACommentMadeWhileTheBridgeWasDownStillRuns(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		w.stop()
		pause(3 * time.Hour)
		w.forge.say(ada, "!testme")
		pause(3 * time.Hour)
		w.start()
		pause(2 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
	})
}

func TestAForgeThatIsDownLosesNothing(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		w.forge.say(ada, "!testme")
		w.forge.mu.Lock()
		w.forge.fail = func(string) error { return errors.New("connection refused") }
		w.forge.mu.Unlock()
		pause(5 * time.Hour)
		w.forge.mu.Lock()
		w.forge.fail = nil
		w.forge.mu.Unlock()
		pause(15 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, w.forge.states(oldHead)); d != "" || len(w.forge.ours()) != 1 {
			t.Errorf("statuses: %s; comments: %v", d, w.forge.ours())
		}
	})
}

func TestARunWhoseHarnessDiesGetsOneMoreAttempt(t *testing.T) {
	fault := func(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
		begin(r, emit, run.StageInstall)
		time.Sleep(time.Second)
		emit(run.Event{Kind: run.KindStageStarted, Stage: run.StageInstall})
		emit(run.Event{Kind: run.KindStageEnded, Stage: run.StageInstall, Outcome: run.Failed}.With(run.Fault{Summary: "it crashes"}))
		return false
	}
	ours := func(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
		begin(r, emit, run.StageInstall)
		time.Sleep(time.Second)
		emit(run.Event{Kind: run.KindInterrupted, Note: string(run.EndOurFault)})
		return end(emit)
	}
	late := func(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
		begin(r, emit, run.StageInstall)
		time.Sleep(time.Second)
		emit(run.Event{Kind: run.KindInterrupted, Note: string(run.EndOutOfTime)})
		return end(emit)
	}
	for _, c := range []struct {
		name     string
		script   func(context.Context, run.Request, int, func(run.Event)) bool
		attempts int
		verdict  run.Verdict
		ending   run.Ending
		status   forge.StatusState
	}{
		{"once", onSecond(dies, passes), 2, run.VerdictPass, run.EndedNormally, forge.StatusSuccess},
		{"twice", dies, 2, run.VerdictUnverified, run.EndLost, forge.StatusError},
		{"our fault", onSecond(ours, passes), 2, run.VerdictPass, run.EndedNormally, forge.StatusSuccess},
		{"after it found a fault", fault, 1, run.VerdictFail, run.EndLost, forge.StatusFailure},
		{"out of time is no reason", late, 1, run.VerdictUnverified, run.EndOutOfTime, forge.StatusError},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.executor.Script = c.script
				w.start()
				w.forge.say(ada, "!testme")
				pause(3 * time.Minute)
				w.stop()
				r := w.onlyRun()
				wantVerdict(t, r, c.verdict, c.ending)
				if r.Attempt != c.attempts {
					t.Errorf("there were %d attempts, want %d", r.Attempt, c.attempts)
				}
				if d := cmp.Diff([]forge.StatusState{forge.StatusPending, c.status}, w.forge.states(oldHead)); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

type script = func(context.Context, run.Request, int, func(run.Event)) bool

func onSecond(first, second script) script {
	return func(ctx context.Context, r run.Request, attempt int, emit func(run.Event)) bool {
		if attempt == 1 {
			return first(ctx, r, attempt, emit)
		}
		return second(ctx, r, attempt, emit)
	}
}
