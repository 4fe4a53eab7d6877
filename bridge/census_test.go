package bridge_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/ledger/ledgertest"
	"seatrial/harness/run"
)

// A run that the executor still has, and the journal has not, takes up a slot until it
// was stopped and nothing of it is left.
func TestWhatLivesCountsAgainstTheCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.executor.Close()
		stopped := make(chan struct{})
		w.executor.Script = func(ctx context.Context, r run.Request, n int, emit func(run.Event)) bool {
			begin(r, emit, run.StageInstall)
			<-ctx.Done()
			time.Sleep(time.Minute) // it takes its time
			close(stopped)
			return end(emit)
		}
		w.start()
		w.forge.say(ada, "!testme")
		pause(40 * time.Second)
		lost := w.onlyRun()
		w.stop()

		w.memory = ledgertest.New()
		w.start()
		shot := w.alive.queue.Snapshot()
		if shot.Slots[0].State != run.SlotDirty || shot.Slots[0].Run != lost.Request.ID {
			t.Fatalf("the slot is %+v, and a run lives that nobody knows of", shot.Slots[0])
		}
		pause(5 * time.Minute)
		select {
		case <-stopped:
		default:
			t.Error("it was not stopped")
		}
		if w.executor.Swept(lost.Request.ID, 1) == 0 {
			t.Error("nobody looked for what it left")
		}
		if shot := w.alive.queue.Snapshot(); shot.Slots[0].State != run.SlotFree {
			t.Errorf("the slot is %+v", shot.Slots[0])
		}
		w.stop()
	})
}

func TestWhoStoppedItDecidesHowARunEnds(t *testing.T) {
	for _, c := range []struct {
		cause   dispatch.Cause
		dies    bool
		ending  run.Ending
		verdict run.Verdict
		attempt int
		says    string
	}{
		{dispatch.Withdrawn, false, run.EndCancelled, run.VerdictUnverified, 1, "stopped where it ran"},
		{dispatch.Withdrawn, true, run.EndCancelled, run.VerdictUnverified, 1, "stopped where it ran"},
		{dispatch.Displaced, false, run.EndedNormally, run.VerdictPass, 2, "pass"},
		{dispatch.Displaced, true, run.EndedNormally, run.VerdictPass, 2, "pass"},
	} {
		t.Run(string(c.cause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.executor.Close()
				w.executor.Script = func(ctx context.Context, r run.Request, n int, emit func(run.Event)) bool {
					if n > 1 || !c.dies {
						return passes(ctx, r, n, emit)
					}
					begin(r, emit, run.StageInstall)
					<-ctx.Done()
					return false
				}
				w.start()
				w.forge.say(ada, "!testme")
				pause(38 * time.Second)
				r := w.onlyRun()
				if r.State != run.Running {
					t.Fatalf("the run is %s", r.State)
				}
				w.executor.End(r.Request.ID, 1, c.cause)
				pause(3 * time.Minute)
				r = w.onlyRun()
				wantVerdict(t, r, c.verdict, c.ending)
				if r.Attempt != c.attempt {
					t.Errorf("it is at attempt %d, want %d", r.Attempt, c.attempt)
				}
				if body := w.forge.ours()[0].Body; !strings.Contains(body, c.says) {
					t.Errorf("the comment does not say %q:\n%s", c.says, body)
				}
				w.stop()
			})
		})
	}
}
