package attempt

import (
	"context"
	"fmt"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/retry"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// firstCountLimit bounds the first question to the executor, before anything is started. If
// it does not answer, it is asked again later.
const firstCountLimit = 20 * time.Second

// countOrphansAtStart counts orphans against the capacity before anything is started.
func (rs *Runs) countOrphansAtStart(ctx context.Context) {
	census, ok := rs.Dispatcher.(dispatch.Census)
	if !ok {
		return
	}
	first, cancel := context.WithTimeout(ctx, firstCountLimit)
	defer cancel()
	if err := rs.countOrphans(first, ctx, census); err == nil {
		return
	}
	rs.work.Go(func() {
		rs.until(ctx, rs.Log, "count what lives", func() error { return rs.countOrphans(ctx, ctx, census) })
	})
}

// countOrphans asks within one context, and reclaims what it finds within another.
func (rs *Runs) countOrphans(ask, ctx context.Context, census dispatch.Census) error {
	open, err := rs.Journal.Reports(ask, journal.Filter{Open: true, Limit: maxOpen})
	if err != nil {
		return err
	}
	orphans, err := orphansAmong(ask, census, open)
	if err != nil {
		return err
	}
	var taken []run.Report
	for _, a := range orphans {
		if r, ok := rs.occupied(ask, a); ok {
			taken = append(taken, r)
		}
		rs.work.Go(func() { rs.reclaim(ctx, a) })
	}
	rs.Queue.Restore(taken)
	return nil
}

// orphansAmong returns the attempts that live at the executor although their run has
// ended, is at a later attempt, or is not in the journal. They use the machine, so each is
// counted as a taken slot, and is stopped and swept.
func orphansAmong(ctx context.Context, census dispatch.Census, open []run.Report) ([]dispatch.Attempt, error) {
	current := map[run.ID]int{}
	for _, r := range open {
		current[r.Request.ID] = r.Attempt
	}
	live, err := census.Live(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot find out which runs live: %w", err)
	}
	var orphans []dispatch.Attempt
	for _, a := range live {
		if attempt, ok := current[a.Run]; !ok || attempt > a.Attempt {
			orphans = append(orphans, a)
		}
	}
	return orphans, nil
}

// occupied is an orphan's run as the queue counts it. A run at a later attempt already has
// its slot.
func (rs *Runs) occupied(ctx context.Context, a dispatch.Attempt) (run.Report, bool) {
	left := []run.Leftover{{Kind: "job", Name: a.Name, Detail: "it still runs although its run is over"}}
	r, err := rs.Journal.Report(ctx, a.Run)
	if err != nil {
		r = run.Report{Request: run.Request{ID: a.Run}, Attempt: a.Attempt}
	} else if r.State != run.Ended {
		return r, false
	}
	r.State, r.Leftovers = run.Ended, left
	return r, true
}

// reclaim stops an orphan and sweeps what it leaves, again and again until nothing is.
func (rs *Runs) reclaim(ctx context.Context, a dispatch.Attempt) {
	log := rs.log(a.Run).With("attempt", a.Attempt, "job", a.Name)
	log.Warn("an attempt still runs although its run is over; stopping it")
	retry.Loop{Longest: cleanPause, Now: rs.Now, Log: log}.Until(ctx, "reclaim a slot", func() error {
		if err := rs.Dispatcher.Stop(ctx, a.Run, a.Attempt); err != nil {
			return err
		}
		for _, err := range rs.Dispatcher.Follow(ctx, a.Run, a.Attempt, 0) {
			if err != nil {
				return err
			}
		}
		return rs.clean(ctx, a.Run, a.Attempt)
	})
}
