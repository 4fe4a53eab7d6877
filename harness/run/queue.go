package run

import "time"

// Queue is what runs, what waits and what must be cleaned up, at one moment.
type Queue struct {
	Capacity int      `json:"capacity"`
	Slots    []Slot   `json:"slots"`   // by number; more than the capacity, where that was lowered
	Waiting  []Waiter `json:"waiting"` // in the order in which they will start
}

// SlotState says whether a slot can be had.
type SlotState string

// The states of a slot.
const (
	SlotFree  SlotState = "free"
	SlotTaken SlotState = "taken"
	SlotDirty SlotState = "dirty" // its run is over, and something of it is left
)

// Slot is a place where one run can be.
type Slot struct {
	Number    int        `json:"number"`
	State     SlotState  `json:"state"`
	Run       ID         `json:"run,omitempty"` // empty: free
	Recipe    string     `json:"recipe,omitempty"`
	Since     time.Time  `json:"since,omitzero"`
	Lease     Lease      `json:"lease,omitzero"`
	Leftovers []Leftover `json:"leftovers,omitempty"` // the run has ended and these keep the slot taken
}

// Waiter is a request that waits for a slot.
type Waiter struct {
	Place  int           `json:"place"`
	Run    ID            `json:"run"`
	Recipe string        `json:"recipe"`
	Since  time.Time     `json:"since"`
	Wait   time.Duration `json:"wait,omitempty"`  // expected, 0 where unknown
	Unmet  []string      `json:"unmet,omitempty"` // needs that no slot meets: it would wait for ever
	// Preparing says that what it needs is being fetched, and that it lets others pass.
	Preparing bool `json:"preparing,omitempty"`
}
