package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"seatrial/bridge/queue"
	"seatrial/harness/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var morning = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

func request(id string, needs ...string) run.Request {
	return run.Request{ID: run.ID(id), Recipe: "guestbook", Limit: time.Hour, Needs: needs}
}

// clock is a time that the test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func withClock(c queue.Config) (*queue.Queue, *clock) {
	clock := &clock{now: morning}
	c.Now = clock.Now
	return queue.New(c), clock
}

// take takes what must be there.
func take(t *testing.T, q *queue.Queue, want string) run.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, lease, err := q.Take(ctx)
	if err != nil || r.ID != run.ID(want) {
		t.Fatalf("Take = %q, %v; want %q", r.ID, err, want)
	}
	return lease
}

// nothing says that nothing can be taken.
func nothing(t *testing.T, q *queue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if r, _, err := q.Take(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Take = %q, %v; want nothing", r.ID, err)
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	q, _ := withClock(queue.Config{Capacity: 2})
	for _, id := range []string{"a", "b", "c"} {
		if !q.Add(request(id)) || q.Add(request(id)) {
			t.Errorf("Add(%s) twice: want true, then false", id)
		}
	}
	lease := take(t, q, "a")
	if want := (run.Lease{Slot: 1, Expires: morning.Add(time.Hour + run.TeardownBudget)}); lease != want {
		t.Errorf("lease %v; want %v", lease, want)
	}
	if lease := take(t, q, "b"); lease.Slot != 2 {
		t.Errorf("slot %d; want 2", lease.Slot)
	}
	nothing(t, q)
	if q.Add(request("a")) {
		t.Error("a run that has a slot was added again")
	}
	if !q.Release("a", nil) || q.Release("a", nil) {
		t.Error("Release twice: want true, then false")
	}
	if q.Add(request("a")) {
		t.Error("a run that is over was added again")
	}
	if lease := take(t, q, "c"); lease.Slot != 1 {
		t.Errorf("slot %d; want the free one, 1", lease.Slot)
	}
	nothing(t, q)
}

func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(queue.Config{Capacity: 1})
		taken := make(chan string, 2)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for {
				r, lease, err := q.Take(ctx)
				if err != nil {
					close(taken)
					return
				}
				taken <- fmt.Sprint(r.ID, " until ", time.Until(lease.Expires))
			}
		}()
		wait := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(taken) > 0 {
				got = append(got, <-taken)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("taken (-want +got):\n%s", diff)
			}
		}
		wait()
		q.Add(request("a"))
		q.Add(request("b"))
		wait("a until 1h5m0s")
		time.Sleep(20 * time.Minute)
		wait()
		q.Release("a", nil)
		wait("b until 1h5m0s") // counted from when it got the slot
		cancel()
		synctest.Wait()
		if _, open := <-taken; open {
			t.Error("something was taken after the context ended")
		}
		q.Release("b", nil)
		q.Add(request("c"))
		if place, of, _, ok := q.Position("c"); place != 1 || of != 1 || !ok {
			t.Errorf("a cancelled Take has lost a request: %d of %d, %v", place, of, ok)
		}
	})
}

func TestALeftoverKeepsTheSlotUntilItIsClean(t *testing.T) {
	q, _ := withClock(queue.Config{Capacity: 1})
	q.Add(request("a"))
	q.Add(request("b"))
	take(t, q, "a")
	if q.Clean("a") {
		t.Error("a slot in use was cleaned")
	}
	first := []run.Leftover{{Kind: "process", Name: "4711"}, {Kind: "folder", Name: "/x"}}
	q.Release("a", first)
	nothing(t, q)
	q.Release("a", first[1:])
	q.Release("a", nil) // not a promise that it is clean
	nothing(t, q)
	if got := q.Snapshot().Slots[0]; got.State != run.SlotDirty || len(got.Leftovers) != 1 || got.Run != "a" {
		t.Errorf("the slot shows %+v", got)
	}
	if _, ok := q.Renew("a"); ok || q.Return("a") || q.Remove("a") || q.Add(request("a")) {
		t.Error("a run that is over got another chance")
	}
	if !q.Clean("a") || q.Clean("a") {
		t.Error("Clean twice: want true, then false")
	}
	take(t, q, "b")
}

func TestARemovedRequestNeverRuns(t *testing.T) {
	q, _ := withClock(queue.Config{Capacity: 1})
	q.Add(request("a"))
	q.Add(request("b"))
	if !q.Remove("a") || q.Remove("a") || q.Remove("nobody") {
		t.Error("Remove twice: want true, then false")
	}
	if q.Add(request("a")) {
		t.Error("a removed request was added again")
	}
	take(t, q, "b")
	if q.Remove("b") {
		t.Error("a run that has a slot was removed")
	}
}

func TestWhatCannotBeMetLetsOthersPass(t *testing.T) {
	q, _ := withClock(queue.Config{Capacity: 2, Offers: offers([]string{"browser"})})
	q.Add(request("a", "gpu", "browser"))
	q.Add(request("b", "browser"))
	take(t, q, "b")
	nothing(t, q)
	if diff := cmp.Diff([]string{"gpu"}, q.Unmet([]string{"gpu", "browser"})); diff != "" {
		t.Error(diff)
	}
	if got := q.Snapshot().Waiting; len(got) != 1 || len(got[0].Unmet) != 1 || got[0].Unmet[0] != "gpu" {
		t.Errorf("waiting: %+v", got)
	}
}

func TestReturnUndoesATake(t *testing.T) {
	q, clock := withClock(queue.Config{Capacity: 2})
	for _, id := range []string{"a", "b", "c"} {
		q.Add(request(id))
	}
	take(t, q, "a")
	take(t, q, "b")
	clock.now = clock.now.Add(time.Minute)
	if !q.Return("a") || !q.Return("b") || q.Return("b") {
		t.Error("Return: want true, true, false")
	}
	for i, w := range q.Snapshot().Waiting {
		if want := run.ID("abc"[i : i+1]); w.Run != want || !w.Since.Equal(morning) {
			t.Errorf("place %d: %+v; want %s", i+1, w, want)
		}
	}
	lease := take(t, q, "a")
	if want := clock.now.Add(time.Hour + run.TeardownBudget); !lease.Expires.Equal(want) {
		t.Errorf("the lease ends at %v; want %v", lease.Expires, want)
	}
}

func TestRenewKeepsTheSlotForAFurtherAttempt(t *testing.T) {
	q, clock := withClock(queue.Config{Capacity: 1, Grace: time.Minute})
	q.Add(request("a"))
	take(t, q, "a")
	clock.now = clock.now.Add(30 * time.Minute)
	lease, ok := q.Renew("a")
	if want := (run.Lease{Slot: 1, Expires: clock.now.Add(61 * time.Minute)}); !ok || lease != want {
		t.Errorf("Renew = %v, %v; want %v", lease, ok, want)
	}
	if _, ok := q.Renew("nobody"); ok {
		t.Error("a run without a slot was renewed")
	}
}

func offers(kinds ...[]string) func() [][]string { return func() [][]string { return kinds } }

func TestOneSlotMustMeetAllNeeds(t *testing.T) {
	kinds := [][]string{{"browser"}, {"gpu", "large"}}
	q, _ := withClock(queue.Config{Capacity: 2, Offers: func() [][]string { return kinds }})
	for _, c := range []struct{ needs, unmet []string }{
		{nil, nil},
		{[]string{"gpu"}, nil},
		{[]string{"large", "gpu"}, nil},
		{[]string{"browser", "gpu"}, []string{"gpu"}},
		{[]string{"browser", "gpu", "large"}, []string{"browser"}},
		{[]string{"kvm"}, []string{"kvm"}},
	} {
		if diff := cmp.Diff(c.unmet, q.Unmet(c.needs)); diff != "" {
			t.Errorf("%v: %s", c.needs, diff)
		}
	}
	q.Add(request("a", "kvm"))
	nothing(t, q)
	kinds = append(kinds, []string{"kvm"})
	q.Look()
	take(t, q, "a")
}
