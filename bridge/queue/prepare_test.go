package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/queue"
	"seatrial/harness/run"
)

// images says that requests which need images have to be prepared.
func images(r run.Request) bool { return r.Recipe == "stack" }

func stack(id string) run.Request {
	r := request(id)
	r.Recipe = "stack"
	return r
}

func toPrepare(t *testing.T, q *queue.Queue, want string) (gone <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, gone, err := q.ToPrepare(ctx)
	if err != nil || r.ID != run.ID(want) {
		t.Fatalf("ToPrepare = %q, %v; want %q", r.ID, err, want)
	}
	return gone
}

func TestWhatIsBeingPreparedLetsOthersPass(t *testing.T) {
	q, _ := withClock(queue.Config{Capacity: 3, Prepares: images})
	q.Add(stack("a"))
	q.Add(stack("b"))
	q.Add(request("c"))
	toPrepare(t, q, "a")
	take(t, q, "c")
	nothing(t, q)
	if !q.Preparing("a") || q.Preparing("b") || q.Preparing("c") {
		t.Error("a alone is being prepared")
	}
	if w := q.Snapshot().Waiting; len(w) != 2 || !w[0].Preparing || w[1].Preparing {
		t.Errorf("waiting: %+v", w)
	}
	toPrepare(t, q, "b")
	q.Prepared("b") // the second is ready first
	take(t, q, "b")
	nothing(t, q)
	q.Prepared("a")
	q.Prepared("a")
	take(t, q, "a")
}

func TestTakeAndToPrepareWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(queue.Config{Prepares: images})
		took := make(chan run.ID)
		go func() {
			r, _, err := q.Take(t.Context())
			if err != nil {
				t.Error(err)
			}
			took <- r.ID
		}()
		given := make(chan run.ID)
		go func() {
			r, _, err := q.ToPrepare(t.Context())
			if err != nil {
				t.Error(err)
			}
			given <- r.ID
		}()
		synctest.Wait()
		q.Add(stack("a"))
		if id := <-given; id != "a" {
			t.Errorf("prepared %s", id)
		}
		synctest.Wait()
		select {
		case id := <-took:
			t.Errorf("took %s before it was prepared", id)
		default:
		}
		q.Prepared("a")
		if id := <-took; id != "a" {
			t.Errorf("took %s", id)
		}
	})
}

func TestWhatWaitsNoMoreIsNotPrepared(t *testing.T) {
	q, _ := withClock(queue.Config{Prepares: images})
	q.Add(stack("a"))
	gone := toPrepare(t, q, "a")
	select {
	case <-gone:
		t.Error("it still waits")
	default:
	}
	q.Remove("a")
	<-gone
	q.Prepared("a")
	nothing(t, q)
	q.Add(stack("b"))
	q.Remove("b")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if r, _, err := q.ToPrepare(ctx); err == nil {
		t.Errorf("ToPrepare = %q", r.ID)
	}
}

func TestARestoredRequestIsPreparedAgain(t *testing.T) {
	q, _ := withClock(queue.Config{Prepares: images})
	q.Restore([]run.Report{{Request: stack("a"), State: run.Waiting, QueuedAt: morning}})
	nothing(t, q)
	toPrepare(t, q, "a")
	q.Prepared("a")
	take(t, q, "a")
	if !q.Return("a") {
		t.Fatal("not returned")
	}
	take(t, q, "a") // once is enough
}

func TestNoGuessForWhatIsNotPrepared(t *testing.T) {
	q, _ := withClock(queue.Config{Prepares: images})
	q.Restore([]run.Report{{Request: request("old"), State: run.Ended, StartedAt: morning, EndedAt: morning.Add(time.Minute)}})
	q.Add(request("a"))
	take(t, q, "a")
	q.Add(stack("b"))
	if _, _, wait, _ := q.Position("b"); wait != 0 {
		t.Errorf("it should start in %s", wait)
	}
	toPrepare(t, q, "b")
	q.Prepared("b")
	if _, _, wait, _ := q.Position("b"); wait != time.Minute {
		t.Errorf("it should start in %s", wait)
	}
}
