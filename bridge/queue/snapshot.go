package queue

import (
	"slices"
	"time"

	"seatrial/harness/run"
)

// SlotState says whether a slot can be had.
type SlotState string

// The states of a slot.
const (
	Free  SlotState = "free"
	Taken SlotState = "taken"
	Dirty SlotState = "dirty" // its run is over, and something of it is left
)

// Slot is one as it is now.
type Slot struct {
	Number    int            `json:"number"`
	State     SlotState      `json:"state"`
	Run       run.ID         `json:"run,omitempty"`
	Recipe    string         `json:"recipe,omitempty"`
	Since     time.Time      `json:"since,omitzero"`
	Lease     run.Lease      `json:"lease,omitzero"`
	Leftovers []run.Leftover `json:"leftovers,omitempty"`
}

// Waiter is a request that waits.
type Waiter struct {
	Place  int           `json:"place"`
	Run    run.ID        `json:"run"`
	Recipe string        `json:"recipe"`
	Since  time.Time     `json:"since"`
	Wait   time.Duration `json:"wait,omitempty"`  // expected, 0 where unknown
	Unmet  []string      `json:"unmet,omitempty"` // needs that no slot meets
	// Preparing says that what it needs is being fetched, and that it lets others pass.
	Preparing bool `json:"preparing,omitempty"`
}

// Snapshot is the whole queue as it is now.
type Snapshot struct {
	Capacity int      `json:"capacity"`
	Slots    []Slot   `json:"slots"` // by number; more than the capacity, where that was lowered
	Waiting  []Waiter `json:"waiting"`
}

// Snapshot returns the queue as it is now.
func (q *Queue) Snapshot() Snapshot {
	q.mu.Lock()
	defer q.mu.Unlock()
	shot := Snapshot{Capacity: q.config.Capacity, Slots: []Slot{}, Waiting: []Waiter{}}
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
			shot.Slots = append(shot.Slots, Slot{Number: number, State: Free})
		}
	}
	for i, w := range q.waiting {
		shot.Waiting = append(shot.Waiting, Waiter{
			Place: i + 1, Run: w.request.ID, Recipe: w.request.Recipe, Since: w.since,
			Wait: q.wait(i), Unmet: q.Unmet(w.request.Needs), Preparing: w.readiness == isPreparing,
		})
	}
	return shot
}

func (s *slot) show(number int) Slot {
	state := Taken
	if s.dirty {
		state = Dirty
	}
	return Slot{
		Number: number, State: state, Run: s.request.ID, Recipe: s.request.Recipe, Since: s.taken,
		Lease: s.lease, Leftovers: slices.Clone(s.leftovers),
	}
}
