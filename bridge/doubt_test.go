package bridge_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// TestEveryDeedFailsOnce lets each thing that the bridge changes in the world fail
// once, in turn; first so that it did not happen, then so that it happened although
// the bridge was told otherwise, as when an answer is lost. Nobody restarts the
// bridge: it has to find out by itself.
func TestEveryDeedFailsOnce(t *testing.T) {
	for _, how := range []struct {
		name             string
		after, restarted bool
	}{
		{"deed %d does not happen", false, false},
		{"deed %d happens and seems not to", true, false},
		{"deed %d after a restart does not happen", false, true},
		{"deed %d after a restart happens and seems not to", true, true},
	} {
		for deed, more := 1, true; more; deed++ {
			t.Run(fmt.Sprintf(how.name, deed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { more = failedAt(t, deed, how.after, how.restarted) })
			})
			if deed > 500 {
				t.Fatal("the bridge does not come to an end")
			}
		}
	}
}

func failedAt(t *testing.T, deed int, after, restarted bool) (failed bool) {
	w := newWorld(t)
	defer w.executor.Close()
	w.executor.Script = firstDies
	w.start()
	failNext := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.failAt, w.after = w.deeds+deed, after
	}
	if !restarted {
		failNext()
	}
	w.forge.say(ada, "!testme")
	if restarted { // while the first attempt runs, which is to die
		for w.onlyRunOrNone().State != run.Running {
			pause(time.Second)
		}
		w.stop()
		failNext()
		w.start()
	}
	pause(20 * time.Minute)
	w.mu.Lock()
	failed = w.deeds >= w.failAt
	w.mu.Unlock()
	defer w.stop()

	r := w.onlyRun()
	wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
	if r.Attempt != 2 {
		t.Errorf("there were %d attempts: %v", r.Attempt, r.Earlier)
	}
	for attempt := 1; attempt <= r.Attempt; attempt++ {
		if n := w.executor.Started(r.Request.ID, attempt); n != 1 {
			t.Errorf("attempt %d was started %d times", attempt, n)
		}
	}
	if ours := w.forge.ours(); len(ours) != 1 {
		t.Errorf("the comments are %+v", ours)
	}
	states := w.forge.states(oldHead)
	final := slices.DeleteFunc(slices.Clone(states), func(s forge.StatusState) bool { return s == forge.StatusPending })
	if !slices.Equal(final, []forge.StatusState{forge.StatusSuccess}) {
		t.Errorf("the statuses are %v", states)
	}
	if ids, err := w.memory.Unannounced(context.Background()); err != nil || len(ids) != 0 {
		t.Errorf("not announced: %v, %v", ids, err)
	}
	return failed
}

func (w *world) onlyRunOrNone() run.Report {
	if len(w.runs()) == 0 {
		return run.Report{}
	}
	return w.onlyRun()
}

// firstDies is a run whose first attempt loses its harness.
func firstDies(ctx context.Context, r run.Request, attempt int, emit func(run.Event)) bool {
	if attempt == 1 {
		return dies(ctx, r, attempt, emit)
	}
	return passes(ctx, r, attempt, emit)
}
