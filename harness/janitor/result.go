package janitor

import (
	"fmt"

	"seatrial/harness/app"
)

// Fate is what became of an object.
type Fate string

// The fates.
const (
	Kept        Fate = "kept"
	Removed     Fate = "removed"
	WouldRemove Fate = "would remove"
	Left        Fate = "left over" // it should be gone, and is still there
)

// Item is one object and what became of it.
type Item struct {
	Object app.Object
	Fate   Fate
	Why    string
}

// Result is what a sweep did, object by object.
type Result struct{ Items []Item }

// Count says how many objects met a fate.
func (r Result) Count(fate Fate) int {
	n := 0
	for _, item := range r.Items {
		if item.Fate == fate {
			n++
		}
	}
	return n
}

// Lines tells people what happened: one line an object, then one that sums up.
// What an object says about itself is text of its maker: mask it for a terminal.
func (r Result) Lines() []string {
	if len(r.Items) == 0 {
		return []string{"There is nothing to look after."}
	}
	var lines []string
	for _, item := range r.Items {
		lines = append(lines, fmt.Sprintf("%s: %s %s of run %s: %s", item.Fate, item.Object.Kind, item.Object.ID, item.Object.Labels.Run, item.Why))
	}
	sum := fmt.Sprintf("%d removed, %d kept, %d left over", r.Count(Removed), r.Count(Kept), r.Count(Left))
	if n := r.Count(WouldRemove); n > 0 {
		sum = fmt.Sprintf("%d would be removed, %d kept", n, r.Count(Kept))
	}
	return append(lines, sum)
}
