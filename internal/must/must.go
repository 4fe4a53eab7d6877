// Package must keeps a test suite from being skipped in silence.
//
// A suite that needs something that this machine does not have is skipped with a
// message, unless the environment variable SEATRIAL_MUST names it (a comma-separated
// list, or "all"): then it fails. With -short such a suite is skipped whatever is there,
// unless it is named.
package must

import (
	"os"
	"strings"
	"testing"
)

// Variable is the environment variable that names the suites that may not be skipped.
const Variable = "SEATRIAL_MUST"

// Have skips or fails the test unless ok. The reason says what is missing and how to get it.
func Have(t testing.TB, suite string, ok bool, why string) {
	t.Helper()
	switch {
	case ok && testing.Short() && !Run(suite):
		t.Skipf("skipping the suite %q: -short", suite)
	case ok:
	case Run(suite):
		t.Fatalf("the suite %q may not be skipped (%s=%s), but %s", suite, Variable, os.Getenv(Variable), why)
	default:
		t.Skipf("skipping the suite %q: %s", suite, why)
	}
}

// Run says whether the suite may not be skipped.
func Run(suite string) bool {
	for name := range strings.SplitSeq(os.Getenv(Variable), ",") {
		if name = strings.TrimSpace(name); name == suite || name == "all" {
			return true
		}
	}
	return false
}
