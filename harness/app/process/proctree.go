package process

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/internal/procs"
)

// marked lists the processes whose environment matches.
func marked(matches func(environ []byte) bool) []procs.Proc {
	var found []procs.Proc
	self := os.Getpid()
	for _, p := range procs.All() {
		if p.Dead() || p.PID == self {
			continue
		}
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
		if err == nil && matches(environ) {
			found = append(found, p)
		}
	}
	return found
}

// killAll kills what list finds, again and again until it finds nothing: what is
// killed may have started something in the meantime. It says what is left.
func killAll(list func() []procs.Proc, limit time.Duration) []procs.Proc {
	const again = 10 * time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(again) {
		left := list()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		for _, p := range left { // first hold all still, so that none starts another
			_ = p.Signal(unix.SIGSTOP)
		}
		for _, p := range left {
			_ = p.Signal(unix.SIGKILL)
		}
	}
}

func killDescendants(of int, limit time.Duration) []procs.Proc {
	return killAll(func() []procs.Proc { return procs.Descendants(of) }, limit)
}
