package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"seatrial/harness/app"
	"seatrial/harness/run"
)

const (
	// margin is what another installation's clock and teardown may be late by.
	margin = 10 * time.Minute
	// tooYoung keeps things of a run that somebody is just about to write down.
	tooYoung = 30 * time.Second
)

// judge says whether an object goes, and why. It is asked anew before each
// removal, because a run may come back to life while others are being swept.
func (j *Janitor) judge(ctx context.Context, object app.Object, o Options) (remove bool, why string) {
	l, now := object.Labels, j.Now()
	id, err := run.ParseID(string(l.Run))
	if err != nil {
		return false, "its label names no run: look at it yourself"
	}
	if l.Instance == "" {
		return false, "its label does not say who made it: look at it yourself"
	}
	if j.Abandoned != nil && j.Abandoned(l.Instance) && o.OlderThan == 0 {
		return true, "the program that made it has ended"
	}
	if at := ulid.Time(ulid.MustParse(string(id)).Time()); now.Sub(at) < tooYoung {
		return false, fmt.Sprintf("its run was asked for less than %s ago", tooYoung)
	}
	// The owner is asked even about another's run: two installations may share a journal.
	live, found, err := j.Owners.Owner(ctx, id)
	switch {
	case err != nil:
		return false, fmt.Sprintf("cannot find out whether its run still lives: %v", err)
	case live:
		return false, "its run still lives"
	}
	expired := now.Sub(l.Expires)
	known := !l.Expires.IsZero()
	if o.OlderThan > 0 && (!known || expired <= o.OlderThan) {
		return false, fmt.Sprintf("it has not been expired for %s", o.OlderThan)
	}
	ours := l.Instance == j.Instance || j.Ours != nil && j.Ours(l.Instance)
	switch {
	case ours && found:
		return true, "its run has ended"
	case ours:
		return true, "its run is unknown"
	case !known:
		return false, fmt.Sprintf("another installation (%s) made it, and it does not say when it expires", l.Instance)
	case expired <= margin:
		return false, fmt.Sprintf("another installation (%s) made it; it may go after %s, or at once with the --state that it was made with", l.Instance, l.Expires.Add(margin).UTC().Format(time.RFC3339))
	default:
		return true, fmt.Sprintf("another installation (%s) made it; it expired %s ago", l.Instance, expired.Round(time.Second))
	}
}
