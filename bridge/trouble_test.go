package bridge_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

func TestADirtySlotIsNotUsedUntilItIsClean(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		dirtyUntil := time.Now().Add(40 * time.Minute)
		w.executor.Left = func(id run.ID, attempt int) []run.Leftover {
			if time.Now().Before(dirtyUntil) {
				return []run.Leftover{{Kind: "process", Name: "guestbook"}}
			}
			return nil
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(5 * time.Minute)
		first := w.onlyRun()
		wantVerdict(t, first, run.VerdictUnverified, run.EndedNormally)
		if !strings.Contains(w.forge.ours()[0].Body, "Something was left behind") {
			t.Errorf("the comment says %s", w.forge.ours()[0].Body)
		}
		w.stop()
		w.start() // the slot stays dirty over a restart
		w.forge.say(ada, "!testme")
		pause(15 * time.Minute)
		if runs := w.runs(); len(runs) != 2 || runs[1].State != run.Waiting {
			t.Fatalf("the second run does not wait: %+v", runs)
		}
		pause(time.Hour)
		w.stop()
		runs := w.runs()
		wantVerdict(t, runs[0], run.VerdictUnverified, run.EndedNormally) // what was announced stays true
		wantVerdict(t, runs[1], run.VerdictPass, run.EndedNormally)
		if runs[0].CleanedAt.IsZero() {
			t.Error("it is not written down that the slot was cleaned")
		}
	})
}

func TestNoSecondAttemptOnADirtySlot(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = dies
		w.executor.Left = func(run.ID, int) []run.Leftover { return []run.Leftover{{Kind: "mount", Name: "/x"}} }
		w.start()
		w.forge.say(ada, "!testme")
		pause(5 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictUnverified, run.EndLost)
		if r.Attempt != 1 {
			t.Errorf("there were %d attempts", r.Attempt)
		}
	})
}

func TestAnExecutorThatTakesNothing(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Refuse = func(run.Request, int) error { return errors.New("no space left on device") }
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictUnverified, run.EndLost)
		if r.Attempt != 2 || !strings.Contains(r.EndingNote, "no space left on device") {
			t.Errorf("attempt %d: %q", r.Attempt, r.EndingNote)
		}
	})
}

func TestAnExecutorThatTakesItAtTheThirdTry(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		tries := 0
		w.executor.Refuse = func(run.Request, int) error {
			if tries++; tries < 3 {
				return errors.New("busy")
			}
			return nil
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		if r.Attempt != 1 || w.executor.Started(r.Request.ID, 1) != 1 {
			t.Errorf("attempt %d, started %d times", r.Attempt, w.executor.Started(r.Request.ID, 1))
		}
	})
}

func TestAHarnessCannotSpeakForTheBridge(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = func(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
			begin(r, emit, run.StageInstall)
			emit(run.Event{Kind: run.KindStageEnded, Stage: run.StageInstall, Outcome: run.Passed})
			emit(run.Event{Kind: run.KindEnded})
			emit(run.Event{Kind: run.KindSwept}.With(run.Swept{}))
			emit(run.Event{Kind: run.KindCancelAsked, Note: "eve"})
			emit(run.Event{Kind: run.KindStageStarted, Stage: run.StageInstall, Data: []byte("not JSON")})
			time.Sleep(time.Minute)
			emit(run.Event{Kind: run.KindStageEnded, Stage: run.StageInstall, Outcome: run.Failed}.With(run.Fault{Summary: "it crashes"}))
			return end(emit)
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictFail, run.EndedNormally)
	})
}

func TestARunThatOutlivesItsLeaseIsStopped(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = func(ctx context.Context, r run.Request, _ int, emit func(run.Event)) bool {
			begin(r, emit, run.StageInstall)
			<-ctx.Done()
			return false
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(5 * time.Hour)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictUnverified, run.EndLost)
	})
}

func TestRunningCommentsAreEditedAtMostEveryTenSeconds(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = func(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
			begin(r, emit, run.StageInstall)
			emit(run.Event{Kind: run.KindStageStarted, Stage: run.StageInstall})
			for i := range 600 {
				emit(run.Event{Kind: run.KindProgress, Note: strings.Repeat("i", i%50)})
				time.Sleep(100 * time.Millisecond)
			}
			emit(run.Event{Kind: run.KindStageEnded, Stage: run.StageInstall, Outcome: run.Passed})
			return end(emit)
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		if n := len(w.forge.edits); n < 5 || n > 10 {
			t.Errorf("a run of a minute took %d edits: %v", n, w.forge.edits)
		}
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
	})
}

func TestADeletedCommentIsPostedAnewOnce(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = func(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
			begin(r, emit, run.StageInstall)
			for i := range 20 {
				emit(run.Event{Kind: run.KindWarning, Note: strings.Repeat("w", i)})
				time.Sleep(time.Minute)
			}
			emit(run.Event{Kind: run.KindStageEnded, Stage: run.StageInstall, Outcome: run.Passed})
			return end(emit)
		}
		w.start()
		w.forge.say(ada, "!testme")
		for range 3 {
			pause(5 * time.Minute)
			if ours := w.forge.ours(); len(ours) > 0 {
				w.forge.remove(ours[0].ID)
			}
		}
		pause(time.Hour)
		w.stop()
		if w.forge.posts != 2 || len(w.forge.ours()) != 0 {
			t.Errorf("it was posted %d times, and there are %v", w.forge.posts, w.forge.ours())
		}
		if states := w.forge.states(oldHead); len(states) != 2 || states[1] != forge.StatusSuccess {
			t.Errorf("the statuses are %v", states)
		}
	})
}

func TestAnOlderRunDoesNotTakeTheStatusBack(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		statusesFail := func(on bool) {
			w.forge.mu.Lock()
			defer w.forge.mu.Unlock()
			w.forge.fail = func(call string) error {
				if on && call == "SetStatus" {
					return errors.New("504")
				}
				return nil
			}
		}
		var second atomic.Bool
		w.executor.Script = func(ctx context.Context, r run.Request, attempt int, emit func(run.Event)) bool {
			if second.Load() {
				return slow(ctx, r, attempt, emit)
			}
			return passes(ctx, r, attempt, emit)
		}
		w.start()
		statusesFail(true)
		w.forge.say(ada, "!testme")
		pause(5 * time.Minute)
		second.Store(true)
		w.forge.say(ada, "!testme")
		pause(5 * time.Minute)
		statusesFail(false)
		pause(20 * time.Minute)
		if states := w.forge.states(oldHead); len(states) != 1 || states[0] != forge.StatusPending {
			t.Errorf("while the second run goes on, the statuses are %v", states)
		}
		pause(2 * time.Hour)
		w.stop()
		if states := w.forge.states(oldHead); len(states) != 2 || states[1] != forge.StatusSuccess {
			t.Errorf("the statuses are %v", states)
		}
		if ours := w.forge.ours(); len(ours) != 2 {
			t.Errorf("the comments are %v", ours)
		}
	})
}

func TestOneSlotOneRunAtATime(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		for _, repo := range []string{"a", "b", "c"} {
			w.forge.push(strings.Repeat(repo, 40))
			pause(time.Second)
			w.forge.say(ada, "!testme")
			pause(32 * time.Second)
		}
		pause(10 * time.Minute)
		w.stop()
		runs := w.runs()
		for i, r := range runs {
			wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
			if i > 0 && r.StartedAt.Before(runs[i-1].EndedAt) {
				t.Errorf("run %d began at %s, before the one before had ended at %s", i, r.StartedAt, runs[i-1].EndedAt)
			}
		}
	})
}
