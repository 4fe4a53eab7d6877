package queue_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/queue"
	"seatrial/harness/run"
)

func report(id string, asked int, change ...func(*run.Report)) run.Report {
	r := run.Report{Request: request(id), State: run.Waiting, QueuedAt: morning.Add(time.Duration(asked) * time.Minute)}
	for _, f := range change {
		f(&r)
	}
	return r
}

func inSlot(n int, state run.State) func(*run.Report) {
	return func(r *run.Report) {
		r.Attempt, r.State = 1, state
		r.StartedAt = r.QueuedAt.Add(time.Minute)
		r.Lease = run.Lease{Slot: n, Expires: r.StartedAt.Add(time.Hour)}
	}
}

func endedAfter(d time.Duration, leftovers ...run.Leftover) func(*run.Report) {
	return func(r *run.Report) {
		inSlot(1, run.Ended)(r)
		r.EndedAt, r.Leftovers = r.StartedAt.Add(d), leftovers
	}
}

func TestRestoreMakesTheQueueAgain(t *testing.T) {
	left := run.Leftover{Kind: "mount", Name: "/x"}
	reports := []run.Report{ // newest first, as the journal gives them
		report("w2", 9),
		report("w1", 8),
		report("gone", 7, func(r *run.Report) { r.State = run.Ended }),
		report("running", 6, inSlot(2, run.Running)),
		report("starting", 5, inSlot(2, run.Starting)), // one slot for two: something is wrong, and both count
		report("dirty", 4, endedAfter(time.Minute, left)),
		report("clean", 3, endedAfter(10*time.Minute)),
		report("cleaned", 2, endedAfter(time.Minute, left), func(r *run.Report) { r.CleanedAt = morning.Add(9 * time.Minute) }),
	}
	q, clock := withClock(queue.Config{Capacity: 4})
	clock.now = morning.Add(10 * time.Minute)
	q.Restore(reports)
	q.Restore(reports)
	shot := q.Snapshot()
	want := []run.Slot{
		{Number: 1, State: run.SlotDirty, Run: "dirty", Leftovers: []run.Leftover{left}},
		{Number: 2, State: run.SlotTaken, Run: "starting"},
		{Number: 3, State: run.SlotTaken, Run: "running"},
		{Number: 4, State: run.SlotFree},
	}
	for i := range shot.Slots {
		s := &shot.Slots[i]
		if s.State == run.SlotTaken && (s.Since.IsZero() || s.Lease.Expires.IsZero() || s.Lease.Slot != s.Number) {
			t.Errorf("slot %+v does not know its lease", *s)
		}
		s.Recipe, s.Since, s.Lease = "", time.Time{}, run.Lease{}
	}
	if diff := cmp.Diff(want, shot.Slots); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
	take(t, q, "w1")
	nothing(t, q)
	for _, over := range []string{"gone", "clean", "cleaned", "dirty", "running"} {
		if q.Add(request(over)) {
			t.Errorf("%s was added again", over)
		}
	}
	q.Release("running", nil)
	take(t, q, "w2")
}

func TestALoweredCapacityIsKept(t *testing.T) {
	q, _ := withClock(queue.Config{Capacity: 1})
	q.Restore([]run.Report{
		report("w", 3),
		report("b", 2, inSlot(3, run.Running)),
		report("a", 1, inSlot(2, run.Running)),
	})
	nothing(t, q)
	q.Release("a", nil)
	nothing(t, q)
	if got := len(q.Snapshot().Slots); got != 2 {
		t.Errorf("%d slots are shown; want number 1, free, and number 3, taken", got)
	}
	q.Release("b", nil)
	if lease := take(t, q, "w"); lease.Slot != 1 {
		t.Errorf("slot %d; want 1", lease.Slot)
	}
}

func TestPositionGuessesFromRecentRuns(t *testing.T) {
	position := func(q *queue.Queue, id string, wantPlace, wantOf int, want time.Duration) {
		t.Helper()
		place, of, wait, ok := q.Position(run.ID(id))
		if !ok || place != wantPlace || of != wantOf || wait != want {
			t.Errorf("Position(%s) = %d of %d, %v, %v; want %d of %d, %v", id, place, of, wait, ok, wantPlace, wantOf, want)
		}
	}
	q, clock := withClock(queue.Config{Capacity: 1})
	for _, id := range []string{"a", "b", "c", "d"} {
		q.Add(request(id))
	}
	take(t, q, "a")
	position(q, "b", 1, 3, 0) // nothing has run yet: nothing to guess from
	clock.now = clock.now.Add(10 * time.Minute)
	q.Release("a", nil)
	position(q, "b", 1, 3, 0) // a slot is free
	position(q, "c", 2, 3, 10*time.Minute)
	take(t, q, "b")
	clock.now = clock.now.Add(4 * time.Minute)
	position(q, "c", 1, 2, 6*time.Minute)
	position(q, "d", 2, 2, 16*time.Minute)
	clock.now = clock.now.Add(30 * time.Minute)
	position(q, "c", 1, 2, 0) // overdue
	q.Release("b", []run.Leftover{{Kind: "mount"}})
	position(q, "c", 1, 2, 0) // a dirty slot: nobody knows
	if _, _, _, ok := q.Position("b"); ok {
		t.Error("a run that does not wait has a position")
	}
	other := request("e")
	other.Recipe = "pocketbase"
	q.Clean("b")
	q.Add(other)
	take(t, q, "c")
	position(q, "d", 1, 2, 34*time.Minute)
	position(q, "e", 2, 2, 68*time.Minute) // the middle of 10 and 34 minutes is the later one
}

func TestNoGuessIsBeyondALease(t *testing.T) {
	q, clock := withClock(queue.Config{Capacity: 1})
	q.Restore([]run.Report{report("old", 0, endedAfter(5*time.Hour)), report("now", 1, inSlot(1, run.Running)), report("next", 2)})
	clock.now = morning.Add(30 * time.Minute)
	if _, _, wait, _ := q.Position("next"); wait != 32*time.Minute {
		t.Errorf("wait %v; want what is left of the lease, 32m", wait)
	}
}
