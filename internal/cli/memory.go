package cli

import "runtime/debug"

const (
	// memoryTarget and collectAt keep the garbage collector eager: a bridge waits most
	// of the time, and what it holds should be what it needs.
	memoryTarget = 40 << 20
	collectAt    = 50 // percent of what is in use
)

// keepSmall sets what the operator's environment does not: Go itself reads GOMEMLIMIT and
// GOGC, and who sets one knows the machine. An empty variable counts as none, as it does there.
func keepSmall(environment func(string) (string, bool)) {
	for name, set := range map[string]func(){
		"GOMEMLIMIT": func() { debug.SetMemoryLimit(memoryTarget) },
		"GOGC":       func() { debug.SetGCPercent(collectAt) },
	} {
		if value, _ := environment(name); value == "" {
			set()
		}
	}
}
