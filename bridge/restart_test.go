package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// TestKilledAtEveryDeed kills the bridge before and after each thing that it
// changes in the world, in turn, starts it again, and wants to see what one that was
// never killed leaves: one run, one comment, one final status.
func TestKilledAtEveryDeed(t *testing.T) {
	for _, after := range []bool{false, true} {
		for deed, more := 1, true; more; deed++ {
			name := fmt.Sprintf("before deed %d", deed)
			if after {
				name = fmt.Sprintf("after deed %d", deed)
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { more = killedAt(t, deed, after) })
			})
			if deed > 500 {
				t.Fatal("the bridge does not come to an end")
			}
		}
	}
}

func killedAt(t *testing.T, deed int, after bool) (killed bool) {
	w := newWorld(t)
	defer w.executor.Close()
	w.start() // what an empty bridge does is told by other tests
	w.mu.Lock()
	w.killAt, w.after = w.deeds+deed, after
	w.mu.Unlock()
	w.forge.say(ada, "!testme")
	pause(90 * time.Second)
	killed = w.killed()
	w.stop()
	w.start()
	pause(20 * time.Minute)
	w.stop()

	r := w.onlyRun()
	switch {
	case r.Attempt == 2 && len(r.Earlier) == 1:
		// It died between writing down the dispatch and dispatching.
		if w.executor.Started(r.Request.ID, 1) != 0 {
			t.Error("there was a second attempt although the first one ran")
		}
	case r.Attempt != 1:
		t.Errorf("there were %d attempts", r.Attempt)
	}
	for attempt := 1; attempt <= r.Attempt; attempt++ {
		if n := w.executor.Started(r.Request.ID, attempt); n > 1 {
			t.Errorf("attempt %d was started %d times", attempt, n)
		}
	}
	wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
	ours := w.forge.ours()
	if len(ours) != 1 || !strings.HasPrefix(ours[0].Body, "✅ **pass**") {
		t.Errorf("the comments are %+v", ours)
	}
	states := w.forge.states(oldHead)
	if len(states) == 1 && states[0] == forge.StatusSuccess {
		// It was over before anything could be said.
	} else if d := cmp.Diff([]forge.StatusState{forge.StatusPending, forge.StatusSuccess}, states); d != "" {
		t.Error("statuses: " + d)
	}
	if n := len(w.routes.labels()); n != 0 {
		t.Errorf("%d routes are left", n)
	}
	if open, err := w.memory.OpenComments(context.Background()); err != nil || len(open) != 0 {
		t.Errorf("open comments: %v, %v", open, err)
	}
	if ids, err := w.memory.Unannounced(context.Background()); err != nil || len(ids) != 0 {
		t.Errorf("not announced: %v, %v", ids, err)
	}
	return killed
}

func TestRefusedAndKilledAtEveryDeed(t *testing.T) {
	for _, after := range []bool{false, true} {
		for deed, more := 1, true; more; deed++ {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.executor.Close()
				w.start()
				w.mu.Lock()
				w.killAt, w.after = w.deeds+deed, after
				w.mu.Unlock()
				w.forge.say(eve, "!testme")
				pause(time.Minute)
				more = w.killed()
				w.stop()
				w.start()
				pause(20 * time.Minute)
				w.stop()
				if ours := w.forge.ours(); len(ours) != 1 || len(w.runs()) != 0 {
					t.Errorf("killed at deed %d (after: %v): answers %+v, runs %v", deed, after, ours, w.runs())
				}
			})
		}
	}
}

func TestJoinedAndKilledAtEveryDeed(t *testing.T) {
	for _, after := range []bool{false, true} {
		for deed, more := 1, true; more; deed++ {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.executor.Close()
				w.executor.Script = slow
				w.start()
				w.forge.say(ada, "!testme")
				pause(time.Minute)
				w.mu.Lock()
				w.killAt, w.after = w.deeds+deed, after
				w.mu.Unlock()
				w.forge.say(grace, "!testme")
				pause(2 * time.Minute)
				// The idle bridge goes on doing deeds; those after the join do not matter here.
				more = w.killed() && deed < 30
				w.stop()
				w.start()
				pause(2 * time.Hour)
				w.stop()
				r := w.onlyRun()
				wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
				if ours := w.forge.ours(); len(ours) != 2 || len(r.Joined) != 1 {
					t.Errorf("killed at deed %d (after: %v): comments %+v, joined by %v", deed, after, ours, r.Joined)
				}
			})
		}
	}
}

func TestARunOutlivesTheBridge(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = slow
		w.start()
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		if n := len(w.routes.labels()); n != 1 {
			t.Errorf("there are %d routes while it runs", n)
		}
		w.stop()
		pause(2 * time.Hour)
		w.start()
		pause(time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		if w.executor.Started(r.Request.ID, 1) != 1 || r.Attempt != 1 {
			t.Errorf("it was started %d times, attempts: %d", w.executor.Started(r.Request.ID, 1), r.Attempt)
		}
	})
}
