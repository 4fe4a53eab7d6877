//go:build failpoints

package failpoint

import (
	"os"

	"golang.org/x/sys/unix"
)

// Enabled says whether this build has failpoints.
const Enabled = true

// Environment variables that the crash test sets.
const (
	envPoint = "SEATRIAL_FAILPOINT"      // the name of the point at which to die
	envOnce  = "SEATRIAL_FAILPOINT_ONCE" // a file that is made first: where it exists, nobody dies again
)

// Hit kills this process if the point's name is the one asked for, once.
func Hit(name string) {
	if os.Getenv(envPoint) != name {
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
