package process

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"seatrial/harness/app"
)

// Used implements app.Meter. Without isolation nothing is counted.
func (a *App) Used() app.Usage {
	a.noteUsage()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// noteUsage remembers what the app's cgroup counts before it is removed. What the
// build took is no part of it: a build has a limit of its own.
func (a *App) noteUsage() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.groups[groupApp]; g != nil {
		a.used.Memory = max(a.used.Memory, g.peak())
		a.hits.Note("The app", g.made.String(), g.limits.memory, int64(g.limits.processes), g.hits())
	}
}

// Hits implements app.Limited. Without isolation there are no limits.
func (a *App) Hits(context.Context) []string {
	a.noteUsage()
	return a.hits.Lines()
}

// peak is the most memory that the cgroup ever held, in bytes; 0 where the kernel does
// not count it (version 2 does since Linux 5.19).
func (g *group) peak() int64 {
	file := filepath.Join(cgroupRoot, "memory", g.name, "memory.max_usage_in_bytes")
	if unified() {
		file = filepath.Join(cgroupRoot, g.name, "memory.peak")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

var (
	_ app.Meter   = (*App)(nil)
	_ app.Limited = (*App)(nil)
)
