package compose_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// computed is how long the tests' process has computed so far: what something costs,
// however busy the machine is.
func computed(t *testing.T) time.Duration {
	t.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
