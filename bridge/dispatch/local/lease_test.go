package local

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// A process may be stuck in the kernel, where no signal reaches it.
func TestAHarnessThatCannotBeKilledIsNamedOnce(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	reads, kills := 0, 0
	g := &leaseGuard{
		now: func() time.Time { return now }, log: slog.New(slog.NewTextHandler(&log, nil)),
		job: func() (dispatch.Job, error) {
			reads++
			return dispatch.Job{Lease: run.Lease{Expires: now.Add(time.Minute)}}, nil
		},
		kill: func() error {
			kills++
			return errors.New("operation not permitted")
		},
	}
	for end := now.Add(3 * time.Minute); now.Before(end); now = now.Add(followEvery) {
		g.enforce()
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 || kills != 9 || reads != 1 {
		t.Errorf("in a minute and a half beyond the margin it was killed %d times, its job read %d times, and this logged:\n%s", kills, reads, log.String())
	}
}
