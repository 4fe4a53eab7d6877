package cli

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// memoryTarget and collectAt keep the garbage collector eager: a bridge waits most
	// of the time, and what it holds should be what it needs.
	memoryTarget = 40 << 20
	collectAt    = 50 // percent of what is in use
	// giveBackEvery is how often what is free goes back to the system: the work of a sweep
	// or a burst leaves megabytes free, of which Go by itself keeps what it last needed.
	giveBackEvery = 10 * time.Second
)

// keepSmall sets what the operator's environment does not: Go itself reads GOMEMLIMIT and
// GOGC, and who sets one knows the machine. An empty variable counts as none, as it does there.
// ours says that neither is set.
func keepSmall(environment func(string) (string, bool)) (ours bool) {
	ours = true
	for name, set := range map[string]func(){
		"GOMEMLIMIT": func() { debug.SetMemoryLimit(memoryTarget) },
		"GOGC":       func() { debug.SetGCPercent(collectAt) },
	} {
		if value, _ := environment(name); value == "" {
			set()
		} else {
			ours = false
		}
	}
	return ours
}

// giveBack has what is free given back until the context ends.
func giveBack(ctx context.Context, free func()) {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			free()
		}
	}
}
