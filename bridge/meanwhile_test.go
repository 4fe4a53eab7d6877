package bridge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// One test for each row of the table "meanwhile".

// slow makes every run take most of an hour, so that there is a meanwhile.
func slow(ctx context.Context, r run.Request, _ int, emit func(run.Event)) bool {
	begin(r, emit, run.StageInstall)
	emit(run.Event{Kind: run.KindStageStarted, Stage: run.StageInstall})
	select {
	case <-ctx.Done():
		emit(run.Event{Kind: run.KindInterrupted, Note: string(run.EndCancelled)})
	case <-time.After(50 * time.Minute):
		emit(run.Event{Kind: run.KindStageEnded, Stage: run.StageInstall, Outcome: run.Passed})
	}
	return end(emit)
}

func TestTheSameHeadAgainJoinsARunningRun(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = slow
		w.start()
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		again := w.forge.say(grace, "!testme")
		pause(time.Minute)
		ours := w.forge.ours()
		if len(ours) != 2 || !strings.Contains(ours[0].Body, "joined by `grace`") || !strings.Contains(ours[1].Body, "#issuecomment-102") {
			t.Errorf("the comments are %+v", ours)
		}
		if w.forge.eyes[again] != 1 {
			t.Error("the second one got no eyes")
		}
		pause(time.Hour)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, w.forge.states(oldHead)); d != "" {
			t.Error(d)
		}
	})
}

func TestTheSameHeadAgainJoinsAWaitingRun(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = slow
		w.start()
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.forge.push(newHead)
		pause(time.Minute)
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.forge.say(grace, "!testme")
		pause(time.Minute)
		if runs := w.runs(); len(runs) != 2 || runs[1].State != run.Waiting || len(runs[1].Joined) != 1 {
			t.Errorf("the runs are %+v", runs)
		}
		w.alive.bridge.Look("gitea")
		pause(3 * time.Hour)
		w.stop()
		for _, r := range w.runs() {
			wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		}
	})
}

func TestANewerHeadSupersedesWhatWaits(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		const newest = "3333333333333333333333333333333333333333"
		w.executor.Script = slow
		w.start()
		for _, head := range []string{"", newHead, newest} {
			if head != "" {
				w.forge.push(head)
			}
			pause(time.Minute)
			w.forge.say(ada, "!testme")
			pause(time.Minute)
		}
		ours := w.forge.ours()
		if len(ours) != 3 || !strings.HasPrefix(ours[1].Body, "⏭️ **superseded**") || !strings.Contains(ours[2].Body, "Place 1 of 1") {
			t.Errorf("the comments are %+v", ours)
		}
		pause(3 * time.Hour)
		w.stop()
		runs := w.runs()
		if len(runs) != 3 {
			t.Fatalf("there are %d runs", len(runs))
		}
		wantVerdict(t, runs[0], run.VerdictPass, run.EndedNormally)
		wantVerdict(t, runs[1], run.VerdictUnverified, run.EndSuperseded)
		wantVerdict(t, runs[2], run.VerdictPass, run.EndedNormally)
		if runs[1].SupersededBy != runs[2].Request.ID || w.executor.Started(runs[1].Request.ID, 1) != 0 {
			t.Errorf("the second run is %+v", runs[1])
		}
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusError}, w.forge.states(newHead)); d != "" {
			t.Error(d)
		}
	})
}

func TestAPushWithoutACommentMakesTheRunOneAboutAnOlderCommit(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = slow
		w.start()
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.forge.push(newHead)
		pause(time.Minute)
		if ours := w.forge.ours(); len(ours) != 1 || !strings.Contains(ours[0].Body, "the head of the pull request is `2222222222` now") {
			t.Errorf("the comments are %+v", ours)
		}
		pause(2 * time.Hour)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
	})
}

func TestAClosedPullRequestCancelsWhatWaits(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = slow
		w.start()
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.forge.push(newHead)
		pause(time.Minute)
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.forge.close()
		pause(3 * time.Hour)
		w.stop()
		runs := w.runs()
		if len(runs) != 2 {
			t.Fatalf("there are %d runs", len(runs))
		}
		wantVerdict(t, runs[0], run.VerdictPass, run.EndedNormally)
		wantVerdict(t, runs[1], run.VerdictUnverified, run.EndCancelled)
		if ours := w.forge.ours(); !strings.HasPrefix(ours[1].Body, "⏹️ **cancelled**") || !strings.Contains(ours[1].Body, "the pull request was closed") {
			t.Errorf("the comments are %+v", ours)
		}
		if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusError}, w.forge.states(newHead)); d != "" {
			t.Error(d)
		}
	})
}

func TestCancel(t *testing.T) {
	ask := func(t *testing.T, w *world, r run.Report) {
		t.Helper()
		// As another process does: into the journal, and nowhere else.
		err := w.memory.Append(context.Background(), run.Event{Run: r.Request.ID, Source: run.Bridge, At: time.Now(), Kind: run.KindCancelAsked, Note: "operator: not needed"})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		script  script
		restart bool
		which   int
	}{
		{"what waits", slow, false, 1},
		{"what runs", slow, false, 0},
		{"what waits, while the bridge is down", slow, true, 1},
		{"what runs, while the bridge is down", slow, true, 0},
		{"what runs and dies of it", func(ctx context.Context, r run.Request, _ int, emit func(run.Event)) bool {
			begin(r, emit, run.StageInstall)
			<-ctx.Done()
			return false
		}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.executor.Script = c.script
				w.start()
				w.forge.say(ada, "!testme")
				pause(time.Minute)
				w.forge.push(newHead)
				pause(time.Minute)
				w.forge.say(ada, "!testme")
				pause(time.Minute)
				if c.restart {
					w.stop()
				}
				ask(t, w, w.runs()[c.which])
				if c.restart {
					w.start()
				}
				pause(time.Minute)
				r := w.runs()[c.which]
				wantVerdict(t, r, run.VerdictUnverified, run.EndCancelled)
				if r.Attempt > 1 || r.Attempt == 1 && !r.TornDown {
					t.Errorf("it is at attempt %d, torn down: %v", r.Attempt, r.TornDown)
				}
				states := w.forge.states(r.Request.Code.Commit)
				if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusError}, states); d != "" {
					t.Error(d)
				}
				w.stop()
			})
		})
	}
}

func TestACancelThatComesTooLateTakesNothingBack(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		w.forge.say(ada, "!testme")
		pause(2 * time.Minute)
		r := w.onlyRun()
		err := w.memory.Append(context.Background(), run.Event{Run: r.Request.ID, Attempt: 1, Source: run.Bridge, At: time.Now(), Kind: run.KindCancelAsked, Note: "operator"})
		if err != nil {
			t.Fatal(err)
		}
		pause(time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
	})
}
