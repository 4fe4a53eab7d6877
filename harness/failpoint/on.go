//go:build failpoints

package failpoint

import (
	"os"
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
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	select {} // the signal is on its way: do nothing more
}
