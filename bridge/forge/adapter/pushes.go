package adapter

import (
	"time"

	"seatrial/bridge/forge"
)

// Latest is the pushes since a time, of all of them in their order, and before those the
// last one earlier, if there is one.
func Latest(all []forge.Push, since time.Time) []forge.Push {
	first := 0
	for i, p := range all {
		if p.At.Before(since) {
			first = i
		}
	}
	return all[first:]
}
