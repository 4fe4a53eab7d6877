package local

import (
	"log/slog"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

const (
	// killMargin is how long after its lease a harness may still live. Its own limit
	// and teardown budget lie within the lease.
	killMargin = 30 * time.Second
	// killPause is between two kills of what does not die of one.
	killPause = 10 * time.Second
)

// leaseGuard kills a harness that outlived its lease. It is asked often, and says each
// thing once.
type leaseGuard struct {
	now  func() time.Time
	log  *slog.Logger
	job  func() (dispatch.Job, error)
	kill func() error

	lease  *run.Lease // which is never extended; nil while it was not read
	next   time.Time  // no kill before
	killed bool
	logged string // the latest error
}

func (g *leaseGuard) enforce() {
	if g.lease == nil {
		job, err := g.job()
		if err != nil {
			return
		}
		g.lease, g.next = &job.Lease, job.Lease.Expires.Add(killMargin)
	}
	now := g.now()
	if now.Before(g.next) {
		return
	}
	if !g.killed {
		g.killed = true
		g.log.Warn("killing a harness that outlived its lease", "expired", g.lease.Expires)
	}
	g.next = now.Add(killPause)
	if err := g.kill(); err != nil && err.Error() != g.logged {
		g.logged = err.Error()
		g.log.Error("cannot kill the harness yet; will try again", "err", err)
	}
}
