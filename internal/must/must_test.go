package must_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"seatrial/internal/must"
)

// recorder is a test that remembers how it ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}
func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func have(t *testing.T, ok bool) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		must.Have(r, "gitea", ok, "there is no binary")
	}()
	<-done
	return r
}

func TestHave(t *testing.T) {
	for _, c := range []struct {
		must          string
		ok            bool
		skips, breaks bool
	}{
		{"", true, testing.Short(), false},
		{"", false, true, false},
		{"docker", false, true, false},
		{"docker, gitea", false, false, true},
		{"all", false, false, true},
		{"gitea", true, false, false},
	} {
		t.Setenv(must.Variable, c.must)
		r := have(t, c.ok)
		if (r.skipped != "") != c.skips || (r.failed != "") != c.breaks {
			t.Errorf("with %q and ok %v: skipped %q, failed %q", c.must, c.ok, r.skipped, r.failed)
		}
		if c.breaks && !strings.Contains(r.failed, "there is no binary") {
			t.Errorf("the failure does not say why: %q", r.failed)
		}
	}
}
