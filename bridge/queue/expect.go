package queue

import (
	"slices"
	"time"

	"seatrial/harness/run"
)

// historyLength is how many runs of a recipe say how long the next one takes: few enough
// to follow a recipe that became slower.
const historyLength = 8

// history holds how long the latest runs of each recipe kept their slot.
type history map[string][]time.Duration

func (h history) add(recipe string, took time.Duration) {
	if took <= 0 {
		return
	}
	known := append(h[recipe], took)
	h[recipe] = known[max(0, len(known)-historyLength):]
}

// expected is how long a run of the recipe takes: the median of its own recent
// runs, or else of every recipe's. ok is false while nothing has run.
func (h history) expected(recipe string) (took time.Duration, ok bool) {
	known := h[recipe]
	if len(known) == 0 {
		for _, others := range h {
			known = append(known, others...)
		}
	}
	if len(known) == 0 {
		return 0, false
	}
	return median(known), true
}

func median(durations []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[len(sorted)/2]
}

// Position says at which place of how many a request waits, and for how long yet:
// a guess from the recent runs, 0 where there is nothing to guess from. ok is
// false for a run that does not wait.
func (q *Queue) Position(id run.ID) (place int, of int, wait time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.place(id)
	if i < 0 {
		return 0, len(q.waiting), 0, false
	}
	return i + 1, len(q.waiting), q.wait(i), true
}

// wait plays the queue forward until the request at the index gets a slot.
func (q *Queue) wait(index int) time.Duration {
	free, ok := q.freeing()
	if !ok || len(free) == 0 || len(q.Unmet(q.waiting[index].request.Needs)) > 0 || q.waiting[index].readiness != isReady {
		return 0
	}
	for _, w := range q.waiting[:index] {
		if len(q.Unmet(w.request.Needs)) > 0 {
			continue
		}
		took, ok := q.history.expected(w.request.Recipe)
		if !ok {
			return 0
		}
		free[0] += min(took, w.request.Limit+q.config.Grace)
		slices.Sort(free)
	}
	return free[0]
}

// freeing returns in how long each slot will be free, soonest first. A dirty slot
// never is, as far as anybody knows.
func (q *Queue) freeing() (free []time.Duration, ok bool) {
	now := q.config.Now()
	for _, s := range q.slots {
		if s.dirty {
			continue
		}
		took, ok := q.history.expected(s.request.Recipe)
		if !ok {
			return nil, false
		}
		left := max(took-now.Sub(s.taken), 0)
		if !s.lease.Expires.IsZero() {
			left = min(left, max(s.lease.Expires.Sub(now), 0))
		}
		free = append(free, left)
	}
	for range q.config.Capacity - len(q.slots) {
		free = append(free, 0)
	}
	slices.Sort(free)
	// Where there are more slots than the capacity, as many are not handed out again.
	beyond := max(len(q.slots)-q.config.Capacity, 0)
	return free[min(beyond, len(free)):], true
}
