// Package dispatchtest holds the contract of dispatch.Dispatcher, as tests, and a
// fake that fulfils it in memory.
//
// Every subtest is one sentence of the interface's comments. It is run against the
// fake and against every real dispatcher.
package dispatchtest

import (
	"context"
	"testing"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// What the runs of a fixture do, by the recipe's name.
const (
	Finishes = "finishes" // three events, the last of them its last word
	Waits    = "waits"    // one event, then it waits to be asked to stop; then its last word
	Dies     = "dies"     // one event, then it ends without its last word
)

// Fixture is a dispatcher and a way to kill what it runs.
type Fixture struct {
	Dispatcher dispatch.Dispatcher
	// Starts counts how often an attempt was really started.
	Starts func(id run.ID, attempt int) int
	// Reopen returns a second dispatcher over the same executor, as after a restart.
	Reopen func() dispatch.Dispatcher
}

// Contract runs every sentence of the contract on a fresh fixture.
func Contract(t *testing.T, open func(t *testing.T) Fixture) {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lease := func() run.Lease { return run.Lease{Expires: time.Now().Add(time.Hour)} }
	follow := func(t *testing.T, d dispatch.Dispatcher, id run.ID, after int64) []run.Event {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var events []run.Event
		for e, err := range d.Follow(ctx, id, 1, after) {
			must(t, err)
			events = append(events, e)
		}
		if ctx.Err() != nil {
			t.Fatal("following did not end although the attempt was over")
		}
		return events
	}
	start := func(t *testing.T, f Fixture, recipe string) run.Request {
		t.Helper()
		r := run.Request{ID: run.NewID(time.Now()), Recipe: recipe, Limit: time.Minute}
		must(t, f.Dispatcher.Dispatch(t.Context(), r, 1, lease()))
		return r
	}
	want := func(t *testing.T, d dispatch.Dispatcher, id run.ID, want dispatch.Phase) {
		t.Helper()
		if s, err := d.State(t.Context(), id, 1); err != nil || s.Phase != want {
			t.Fatalf("phase %s, %v, want %s", s.Phase, err, want)
		}
	}
	firstEvent := func(t *testing.T, d dispatch.Dispatcher, id run.ID) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for _, err := range d.Follow(ctx, id, 1, 0) {
			must(t, err)
			return
		}
		t.Fatal("it said nothing")
	}
	seqs := func(events []run.Event) (out []int64) {
		for _, e := range events {
			out = append(out, e.Seq)
		}
		return out
	}

	t.Run("follow yields every event in order and ends when the attempt is over", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Finishes)
		events := follow(t, f.Dispatcher, r.ID, 0)
		if len(events) != 3 || events[2].Kind != run.KindFinished || events[0].Seq >= events[1].Seq {
			t.Fatalf("got %v", seqs(events))
		}
		want(t, f.Dispatcher, r.ID, dispatch.Complete)
	})
	t.Run("follow resumes after a sequence number", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Finishes)
		if got := follow(t, f.Dispatcher, r.ID, 2); len(got) != 1 || got[0].Seq != 3 {
			t.Fatalf("got %v", seqs(got))
		}
	})
	t.Run("the same attempt dispatched twice starts once", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Finishes)
		must(t, f.Dispatcher.Dispatch(t.Context(), r, 1, lease()))
		follow(t, f.Dispatcher, r.ID, 0)
		if n := f.Starts(r.ID, 1); n != 1 {
			t.Fatalf("started %d times", n)
		}
	})
	t.Run("an attempt that was never dispatched is unknown", func(t *testing.T) {
		f := open(t)
		id := run.NewID(time.Now())
		want(t, f.Dispatcher, id, dispatch.Unknown)
		if got := follow(t, f.Dispatcher, id, 0); len(got) != 0 {
			t.Fatalf("got %v", seqs(got))
		}
	})
	t.Run("an attempt that ends without its last word is lost", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Dies)
		if got := follow(t, f.Dispatcher, r.ID, 0); len(got) != 1 {
			t.Fatalf("got %v", seqs(got))
		}
		want(t, f.Dispatcher, r.ID, dispatch.Lost)
	})
	t.Run("stop lets the attempt tear down and say its last word", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Waits)
		// A stop that comes before the attempt listens would kill it: wait for its first event.
		firstEvent(t, f.Dispatcher, r.ID)
		want(t, f.Dispatcher, r.ID, dispatch.Running)
		must(t, f.Dispatcher.Stop(t.Context(), r.ID, 1))
		events := follow(t, f.Dispatcher, r.ID, 0)
		if len(events) == 0 || events[len(events)-1].Kind != run.KindFinished {
			t.Fatalf("got %v", seqs(events))
		}
		must(t, f.Dispatcher.Stop(t.Context(), r.ID, 1))
	})
	t.Run("what still runs is not swept", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Waits)
		if _, err := f.Dispatcher.Sweep(t.Context(), r.ID, 1); err == nil {
			t.Fatal("swept a running attempt")
		}
		firstEvent(t, f.Dispatcher, r.ID)
		_ = f.Dispatcher.Stop(t.Context(), r.ID, 1)
		follow(t, f.Dispatcher, r.ID, 0)
		for range 2 {
			if swept, err := f.Dispatcher.Sweep(t.Context(), r.ID, 1); err != nil || len(swept.Leftovers) > 0 {
				t.Fatalf("sweep: %v, %v", swept, err)
			}
		}
	})
	t.Run("after a restart of the bridge a running attempt is found and followed", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Waits)
		again := f.Reopen()
		if s, err := again.State(t.Context(), r.ID, 1); err != nil || s.Phase.Over() {
			t.Fatalf("phase %s, %v", s.Phase, err)
		}
		firstEvent(t, again, r.ID)
		want(t, again, r.ID, dispatch.Running)
		must(t, again.Stop(t.Context(), r.ID, 1))
		events := follow(t, again, r.ID, 1)
		if len(events) == 0 || events[len(events)-1].Kind != run.KindFinished {
			t.Fatalf("got %v", seqs(events))
		}
	})
	t.Run("two that follow at once both get every event", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Waits)
		got := make(chan []int64, 2)
		for range cap(got) {
			go func() {
				var seen []int64
				for e, err := range f.Dispatcher.Follow(t.Context(), r.ID, 1, 0) {
					if err == nil {
						seen = append(seen, e.Seq)
					}
				}
				got <- seen
			}()
		}
		firstEvent(t, f.Dispatcher, r.ID)
		must(t, f.Dispatcher.Stop(t.Context(), r.ID, 1))
		for range cap(got) {
			if seen := <-got; len(seen) != 3 {
				t.Errorf("got %v", seen)
			}
		}
	})
	t.Run("following ends with its context, and the attempt goes on", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Waits)
		ctx, cancel := context.WithCancel(t.Context())
		for _, err := range f.Dispatcher.Follow(ctx, r.ID, 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		cancel()
		want(t, f.Dispatcher, r.ID, dispatch.Running)
		must(t, f.Dispatcher.Stop(t.Context(), r.ID, 1))
		follow(t, f.Dispatcher, r.ID, 1)
	})
	t.Run("what was stopped by us has no cause", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Waits)
		firstEvent(t, f.Dispatcher, r.ID)
		must(t, f.Dispatcher.Stop(t.Context(), r.ID, 1))
		follow(t, f.Dispatcher, r.ID, 0)
		for _, d := range []dispatch.Dispatcher{f.Dispatcher, f.Reopen()} {
			if s, err := d.State(t.Context(), r.ID, 1); err != nil || s.Cause != "" || s.Phase != dispatch.Complete {
				t.Errorf("state %v, %v", s, err)
			}
		}
	})
	t.Run("an attempt that is over is dispatched no more", func(t *testing.T) {
		f := open(t)
		r := start(t, f, Finishes)
		follow(t, f.Dispatcher, r.ID, 0)
		must(t, f.Reopen().Dispatch(t.Context(), r, 1, lease()))
		if got := follow(t, f.Dispatcher, r.ID, 0); len(got) != 3 || f.Starts(r.ID, 1) != 1 {
			t.Fatalf("got %v, started %d times", seqs(got), f.Starts(r.ID, 1))
		}
	})
}
