package app

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"seatrial/internal/procs"
	"seatrial/recipes"
)

// Limited is implemented by deployers that see an app run into its limits.
type Limited interface {
	// Hits says, a line a limit, which ones the app ran into and how often, over every
	// deployment of the run; also after Destroy.
	Hits(ctx context.Context) []string
}

// Hits remembers for an app what its groups count, which the kernel forgets with them.
// It is safe for concurrent use.
type Hits struct {
	mu     sync.Mutex
	counts map[hitOf]procs.Hits
}

type hitOf struct {
	whose             string // "the app", "worker"
	memory, processes int64
	group             string // whose counts replace earlier ones
}

// Note takes down what a group counts by now.
func (h *Hits) Note(whose, group string, memory, processes int64, now procs.Hits) {
	if now == (procs.Hits{}) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts == nil {
		h.counts = map[hitOf]procs.Hits{}
	}
	key := hitOf{whose, memory, processes, group}
	last := h.counts[key]
	h.counts[key] = procs.Hits{Killed: max(now.Killed, last.Killed), Refused: max(now.Refused, last.Refused)}
}

// Lines are what was noted, for people.
func (h *Hits) Lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	sums := map[hitOf]procs.Hits{}
	for key, n := range h.counts {
		key.group = ""
		sum := sums[key]
		sums[key] = procs.Hits{Killed: sum.Killed + n.Killed, Refused: sum.Refused + n.Refused}
	}
	var lines []string
	for key, n := range sums {
		if n.Killed > 0 {
			lines = append(lines, fmt.Sprintf("%s ran into its limit of %s of memory: the kernel killed %s", key.whose, recipes.ByteSize(key.memory), times(n.Killed, "process", "processes")))
		}
		if n.Refused > 0 {
			lines = append(lines, fmt.Sprintf("%s ran into its limit of %d processes: another one was refused %s", key.whose, key.processes, times(n.Refused, "time", "times")))
		}
	}
	slices.Sort(lines)
	return lines
}

func times(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
