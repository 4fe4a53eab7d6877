package queue_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"seatrial/bridge/queue"
	"seatrial/harness/run"
)

// TestWhateverHappens compares the queue with a model of three lists, after every
// one of many random calls.
func TestWhateverHappens(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the model knows when a Take would wait, and does not call it then
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 3).Draw(t, "capacity")
		q, clock := withClock(queue.Config{Capacity: capacity})
		var waiting, over []run.ID
		taken := map[run.ID]bool{} // run → dirty
		slots := map[run.ID]int{}
		anyID := rapid.Custom(func(t *rapid.T) run.ID {
			return run.ID(fmt.Sprint("r", rapid.IntRange(0, 9).Draw(t, "id")))
		})
		known := func(id run.ID) bool {
			_, has := taken[id]
			return has || slices.Contains(waiting, id) || slices.Contains(over, id)
		}
		end := func(id run.ID) {
			delete(taken, id)
			delete(slots, id)
			over = append(over, id)
		}
		want := func(what string, got, want bool) {
			if got != want {
				t.Fatalf("%s = %v; want %v", what, got, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id := anyID.Draw(t, "add")
				want("Add", q.Add(request(string(id))), !known(id))
				if !known(id) {
					waiting = append(waiting, id)
				}
			},
			"take": func(t *rapid.T) {
				if len(waiting) == 0 || len(taken) >= capacity {
					if r, _, err := q.Take(ctx); err == nil {
						t.Fatalf("took %s, when nothing could be taken", r.ID)
					}
					return
				}
				r, lease, err := q.Take(context.Background())
				if err != nil || r.ID != waiting[0] {
					t.Fatalf("Take = %s, %v; want %s", r.ID, err, waiting[0])
				}
				for other, slot := range slots {
					if slot == lease.Slot {
						t.Fatalf("%s and %s have slot %d", other, r.ID, slot)
					}
				}
				if lease.Slot < 1 || lease.Slot > capacity || !lease.Expires.Equal(clock.now.Add(r.Limit+run.TeardownBudget)) {
					t.Fatalf("lease %+v at %v", lease, clock.now)
				}
				waiting, taken[r.ID], slots[r.ID] = waiting[1:], false, lease.Slot
			},
			"release": func(t *rapid.T) {
				id, leaves := anyID.Draw(t, "release"), rapid.Bool().Draw(t, "leftovers")
				var left []run.Leftover
				if leaves {
					left = []run.Leftover{{Kind: "mount"}}
				}
				dirty, has := taken[id]
				want("Release", q.Release(id, left), has)
				switch {
				case has && leaves:
					taken[id] = true
				case has && !dirty:
					end(id)
				}
			},
			"clean": func(t *rapid.T) {
				id := anyID.Draw(t, "clean")
				want("Clean", q.Clean(id), taken[id])
				if taken[id] {
					end(id)
				}
			},
			"remove": func(t *rapid.T) {
				id := anyID.Draw(t, "remove")
				i := slices.Index(waiting, id)
				want("Remove", q.Remove(id), i >= 0)
				if i >= 0 {
					waiting, over = slices.Delete(slices.Clone(waiting), i, i+1), append(over, id)
				}
			},
			"time passes": func(t *rapid.T) { clock.now = clock.now.Add(time.Minute) },
			"": func(t *rapid.T) {
				shot := q.Snapshot()
				if len(shot.Slots) != capacity || len(shot.Waiting) != len(waiting) {
					t.Fatalf("%d slots and %d waiting; want %d and %d", len(shot.Slots), len(shot.Waiting), capacity, len(waiting))
				}
				for i, w := range shot.Waiting {
					place, of, wait, ok := q.Position(waiting[i])
					if w.Run != waiting[i] || place != i+1 || of != len(waiting) || !ok || wait < 0 {
						t.Fatalf("place %d: %s is at %d of %d (%v, %v); want %s", i+1, w.Run, place, of, ok, wait, waiting[i])
					}
				}
				for _, s := range shot.Slots {
					dirty, has := taken[s.Run]
					if has != (s.State != run.SlotFree) || has && (dirty != (s.State == run.SlotDirty) || slots[s.Run] != s.Number) {
						t.Fatalf("slot %+v; the model has %v, dirty %v", s, has, dirty)
					}
				}
			},
		})
	})
}

func TestManyTakersShareTheSlots(t *testing.T) {
	const requests, takers, capacity = 200, 8, 3
	q := queue.New(queue.Config{Capacity: capacity})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var mu sync.Mutex
	running, ran := 0, map[run.ID]int{}
	var wg sync.WaitGroup
	for range takers {
		wg.Go(func() {
			for {
				r, _, err := q.Take(ctx)
				if err != nil {
					return
				}
				mu.Lock()
				if running++; running > capacity {
					t.Errorf("%d run at once", running)
				}
				if ran[r.ID]++; len(ran) == requests {
					cancel()
				}
				mu.Unlock()
				q.Add(r)
				mu.Lock()
				running--
				mu.Unlock()
				q.Release(r.ID, nil)
				q.Release(r.ID, nil)
			}
		})
	}
	for i := range requests {
		q.Add(request(fmt.Sprint(i)))
		q.Add(request(fmt.Sprint(i)))
	}
	wg.Wait()
	if len(ran) != requests {
		t.Errorf("%d of %d requests ran", len(ran), requests)
	}
	for id, times := range ran {
		if times != 1 {
			t.Errorf("%s ran %d times", id, times)
		}
	}
}
