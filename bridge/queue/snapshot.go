package queue

import (
	"slices"

	"seatrial/harness/run"
)

// Snapshot returns the queue as it is now.
func (q *Queue) Snapshot() run.Queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	shot := run.Queue{Capacity: q.config.Capacity, Slots: []run.Slot{}, Waiting: []run.Waiter{}}
	highest := q.config.Capacity
	for number := range q.slots {
		highest = max(highest, number)
	}
	for number := 1; number <= highest; number++ {
		s := q.slots[number]
		switch {
		case s != nil:
			shot.Slots = append(shot.Slots, s.show(number))
		case number <= q.config.Capacity:
			shot.Slots = append(shot.Slots, run.Slot{Number: number, State: run.SlotFree})
		}
	}
	for i, w := range q.waiting {
		shot.Waiting = append(shot.Waiting, run.Waiter{
			Place: i + 1, Run: w.request.ID, Recipe: w.request.Recipe, Since: w.since,
			Wait: q.wait(i), Unmet: q.Unmet(w.request.Needs), Preparing: w.readiness == isPreparing,
		})
	}
	return shot
}

func (s *slot) show(number int) run.Slot {
	state := run.SlotTaken
	if s.dirty {
		state = run.SlotDirty
	}
	return run.Slot{
		Number: number, State: state, Run: s.request.ID, Recipe: s.request.Recipe, Since: s.taken,
		Lease: s.lease, Leftovers: slices.Clone(s.leftovers),
	}
}
