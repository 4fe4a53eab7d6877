//go:build failpoints

package failpoint

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Enabled says whether this build has failpoints.
const Enabled = true

// Environment variables that the crash test sets.
const (
	envPoint = "SEATRIAL_FAILPOINT"      // the name of the point at which to die; name#2: when it is come to for the second time
	envOnce  = "SEATRIAL_FAILPOINT_ONCE" // a file that is made first: where it exists, nobody dies again
	envHow   = "SEATRIAL_FAILPOINT_HOW"  // "memory": by taking memory until the kernel kills; else by SIGKILL
)

// hits counts how often this process came to the point at which it is to die.
var hits atomic.Int64

// Hit kills this process if the point's name is the one asked for, once.
func Hit(name string) {
	point, turn, counted := strings.Cut(os.Getenv(envPoint), "#")
	if point != name {
		return
	}
	if nth, err := strconv.ParseInt(turn, 10, 64); counted && (err != nil || hits.Add(1) != nth) {
		return
	}
	if once := os.Getenv(envOnce); once != "" {
		file, err := os.OpenFile(once, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		file.Close()
	}
	if os.Getenv(envHow) == "memory" {
		takeMemory()
	}
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	select {} // the signal is on its way: do nothing more
}

// takeMemory takes more than any limit of a test leaves, and touches it.
func takeMemory() {
	const (
		most = 4 << 30
		step = 16 << 20
	)
	var taken [][]byte
	for size := 0; size < most; size += step {
		chunk := make([]byte, step)
		for i := 0; i < step; i += 4096 {
			chunk[i] = 1
		}
		taken = append(taken, chunk)
	}
	runtime.KeepAlive(taken)
}
