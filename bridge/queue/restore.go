package queue

import (
	"cmp"
	"slices"

	"seatrial/harness/run"
)

// Restore makes the queue again from the journal's runs: those that have not
// ended, and those that ended with leftovers. Runs that were never handed out
// wait, in the order in which they were asked for; those that were have their
// slots. Runs that ended clean only tell how long their recipe takes. Restoring
// a run that is there changes nothing.
func (q *Queue) Restore(reports []run.Report) {
	reports = slices.Clone(reports)
	slices.SortStableFunc(reports, func(a, b run.Report) int {
		return cmp.Or(a.QueuedAt.Compare(b.QueuedAt), cmp.Compare(a.Request.ID, b.Request.ID))
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	// First those whose slot is known and free, then those that get another number.
	for _, r := range reports {
		if hasSlot(r) && r.Lease.Slot > 0 && q.slots[r.Lease.Slot] == nil {
			q.restoreSlot(r)
		}
	}
	for _, r := range reports {
		if hasSlot(r) {
			q.restoreSlot(r)
		}
	}
	for _, r := range reports {
		switch {
		case hasSlot(r):
		case r.State == run.Ended:
			q.over.Add(r.Request.ID, struct{}{})
		default:
			q.add(r.Request, r.QueuedAt)
		}
		if r.State == run.Ended && !r.StartedAt.IsZero() {
			q.history.add(r.Request.Recipe, r.EndedAt.Sub(r.StartedAt))
		}
	}
}

// hasSlot: it was handed out, and is not over, or not gone.
func hasSlot(r run.Report) bool {
	return r.Attempt > 0 && (r.State != run.Ended || len(r.Leftovers) > 0 && r.CleanedAt.IsZero())
}

func (q *Queue) restoreSlot(r run.Report) {
	if q.slotOf(r.Request.ID) != nil || q.place(r.Request.ID) >= 0 || q.over.Contains(r.Request.ID) {
		return
	}
	number := max(r.Lease.Slot, 1)
	for q.slots[number] != nil {
		number++
	}
	q.turns++
	s := &slot{waiting: waiting{request: r.Request, turn: q.turns, since: r.QueuedAt}, taken: r.StartedAt, lease: r.Lease}
	s.lease.Slot = number
	if r.State == run.Ended {
		s.dirty, s.leftovers = true, slices.Clone(r.Leftovers)
	}
	q.slots[number] = s
}
