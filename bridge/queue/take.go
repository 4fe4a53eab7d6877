package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"seatrial/harness/run"
)

// Take waits for a request that is prepared, whose needs are met, and a free slot, and gives the one
// the other. The lease's end is stamped here, once. An error means that the
// context ended, and that nothing was taken.
func (q *Queue) Take(ctx context.Context) (run.Request, run.Lease, error) {
	for {
		if err := ctx.Err(); err != nil {
			return run.Request{}, run.Lease{}, fmt.Errorf("cannot take from the queue: %w", err)
		}
		r, lease, changed, ok := q.tryTake()
		if ok {
			return r, lease, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

func (q *Queue) tryTake() (run.Request, run.Lease, <-chan struct{}, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	number := q.freeSlot()
	next := slices.IndexFunc(q.waiting, func(w waiting) bool {
		return w.readiness == isReady && len(q.Unmet(w.request.Needs)) == 0
	})
	if number == 0 || next < 0 {
		return run.Request{}, run.Lease{}, q.changed, false
	}
	w, now := q.waiting[next], q.config.Now()
	q.waiting = slices.Delete(q.waiting, next, next+1)
	s := &slot{waiting: w, taken: now, lease: q.lease(w.request, number, now)}
	q.slots[number] = s
	return w.request, s.lease, nil, true
}

func (q *Queue) lease(r run.Request, number int, now time.Time) run.Lease {
	return run.Lease{Slot: number, Expires: now.Add(r.Limit + q.config.Grace)}
}

// Return undoes a Take that came to nothing, because it could not be written down:
// the request waits again, at the place that it had.
func (q *Queue) Return(id run.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	number, s := q.find(id)
	if s == nil || s.dirty {
		return false
	}
	delete(q.slots, number)
	i, _ := slices.BinarySearchFunc(q.waiting, s.turn, func(w waiting, turn int64) int { return cmp.Compare(w.turn, turn) })
	q.waiting = slices.Insert(q.waiting, i, s.waiting)
	q.wake()
	return true
}

// Renew stamps a new lease for a further attempt of a run that keeps its slot.
func (q *Queue) Renew(id run.ID) (run.Lease, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	number, s := q.find(id)
	if s == nil || s.dirty {
		return run.Lease{}, false
	}
	s.taken = q.config.Now()
	s.lease = q.lease(s.request, number, s.taken)
	return s.lease, true
}

// freeSlot is the lowest number that is free, or 0. Slots beyond the capacity,
// from before the operator lowered it, count against it.
func (q *Queue) freeSlot() int {
	if len(q.slots) >= q.config.Capacity {
		return 0
	}
	number := 1
	for q.slots[number] != nil {
		number++
	}
	return number
}
