// Package attempt takes runs from their slot to their end: each attempt is dispatched to
// the executor, followed, swept, and tried once more where we failed.
//
// The next step of a run is worked out from the journal alone, so that after a process was
// killed at any moment the next one finds what is left to do. An attempt whose dispatch
// was recorded is never dispatched again after a restart. The executor, not this package,
// is the truth about what is running: the end of the context stops no run. The package
// decides nothing about who may ask, and says nothing to anybody.
package attempt

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/ledger"
	"seatrial/bridge/queue"
	"seatrial/bridge/retry"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

const (
	// longestRetry is the longest pause between tries to record or do something about a run.
	longestRetry = 30 * time.Second
	// recentRuns is how many ended runs are searched for dirty slots, and tell how long
	// recipes take.
	recentRuns = 200
	// maxOpen is more runs than are ever open at once.
	maxOpen = 10_000
)

// Config is what Runs are made from.
type Config struct {
	Journal    journal.Journal
	Queue      *queue.Queue
	Dispatcher dispatch.Dispatcher
	// Preparer prepares the waiting runs that the queue names; nil if none needs it.
	Preparer Preparer
	// Enrolment returns the enrolment of a recipe as it is now.
	Enrolment func(recipe string) (recipes.Enrolment, bool)

	// Copies is the folder for copies of private repositories.
	Copies string
	// Copier returns what copies repositories of a forge; nil if they cannot be copied, and
	// ok is false if the forge is not served.
	Copier func(forgeID string) (c Copier, ok bool)

	// Deciding guards the next step of waiting runs: each gets its slot, or is superseded,
	// joined or cancelled, and the journal has it before the next step is considered. Other
	// packages that take such steps hold the same lock.
	Deciding *sync.Mutex
	// Changed is called when a run's comment may need an update that no event causes.
	Changed func(run.ID)
	// Audit records what was decided here.
	Audit func(context.Context, ledger.AuditEntry)

	Now func() time.Time
	Log *slog.Logger
}

// Runs looks after all runs that have not ended. Make one with New.
type Runs struct {
	Config
	cancels cancels
	work    sync.WaitGroup // what follows a run
}

// New makes Runs. It touches nothing until Resume.
func New(c Config) *Runs {
	return &Runs{Config: c, cancels: cancels{of: map[run.ID]context.CancelFunc{}}}
}

// Resume works out from the journal what an earlier process left to do, begins to do it,
// and returns the open runs. Call Wait in the end, also after an error.
func (rs *Runs) Resume(ctx context.Context) ([]run.Report, error) {
	open, err := rs.Journal.Reports(ctx, journal.Filter{Open: true, Limit: maxOpen})
	if err != nil {
		return nil, fmt.Errorf("cannot read the open runs: %w", err)
	}
	ended, err := rs.Journal.Reports(ctx, journal.Filter{Ended: true, Limit: recentRuns})
	if err != nil {
		return nil, fmt.Errorf("cannot read the latest runs: %w", err)
	}
	for i := range ended {
		if !isDirty(ended[i]) {
			ended[i].Leftovers = nil // gone by now
		}
	}
	rs.Queue.Restore(append(slices.Clone(open), ended...))
	rs.countOrphansAtStart(ctx)
	for _, r := range ended {
		if isDirty(r) {
			rs.work.Go(func() { rs.cleanLater(ctx, r.Request.ID, r.Attempt) })
		}
	}
	for _, r := range open {
		id := r.Request.ID
		switch {
		case r.State != run.Waiting:
			rs.work.Go(func() { rs.drive(ctx, id, false) })
		case r.CancelAsked != "":
			rs.work.Go(func() { rs.cancel(ctx, id) })
		}
	}
	return open, nil
}

func isDirty(r run.Report) bool {
	return r.State == run.Ended && len(r.Leftovers) > 0 && r.CleanedAt.IsZero()
}

// Run gives slots to waiting runs and prepares them, until the context ends.
func (rs *Runs) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { return rs.takeTurns(ctx) })
	for range preparedAtOnce {
		g.Go(func() error { return rs.prepareWaiting(ctx) })
	}
	return g.Wait()
}

// Wait waits for all work on runs. End the context of Resume and Run first.
func (rs *Runs) Wait() { rs.work.Wait() }

// Heard acts on an event of the journal, to which other processes append as well.
func (rs *Runs) Heard(ctx context.Context, e run.Event) {
	switch e.Kind {
	case run.KindRequested:
		rs.work.Go(func() { rs.enqueue(ctx, e.Run) })
	case run.KindEnded:
		rs.Queue.Remove(e.Run)
	case run.KindCancelAsked:
		rs.work.Go(func() { rs.cancel(ctx, e.Run) })
	}
}

func (rs *Runs) event(id run.ID, attempt int, kind run.Kind) run.Event {
	return run.Event{Run: id, Attempt: attempt, Source: run.Bridge, At: rs.Now(), Kind: kind}
}

func (rs *Runs) log(id run.ID) *slog.Logger { return rs.Log.With("run", id) }

// until tries something about a run until it worked or the context ended.
func (rs *Runs) until(ctx context.Context, log *slog.Logger, what string, try func() error) {
	retry.Loop{Longest: longestRetry, Now: rs.Now, Log: log}.Until(ctx, what, try)
}
