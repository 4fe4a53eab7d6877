package bridge

import (
	"context"
	"log/slog"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/attempt"
	"seatrial/bridge/command"
	"seatrial/bridge/dispatch"
	"seatrial/bridge/ledger"
	"seatrial/bridge/queue"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Baselines finds the run that a change is compared with: the one nearest to the tip of
// the repository's default branch, behind commits from it.
type Baselines interface {
	DefaultBranchReport(ctx context.Context, forge, repo string) (r run.Report, behind int, ok bool, err error)
}

// Config is what a Bridge is joined from.
type Config struct {
	Forges     []Forge
	Enrolments func() []recipes.Enrolment // called each time, so that they can be reloaded

	Journal    journal.Journal
	Ledger     ledger.Ledger
	Queue      *queue.Queue
	Dispatcher dispatch.Dispatcher
	Routes     Routes    // may be nil
	Baselines  Baselines // may be nil
	// Preparer prepares the waiting runs that the queue names; nil if none needs it.
	Preparer attempt.Preparer

	// CannotIsolate says why this host cannot keep code away from itself; empty, or a
	// nil function, where it can.
	CannotIsolate func() string
	// CannotDispatch says why the executor does not take a recipe's runs, before anything is
	// started there. An error means that this cannot be found out now, which is no reason to
	// refuse. May be nil.
	CannotDispatch func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error)

	// Copies is the folder for copies of private repositories. Only the bridge writes to it,
	// and only runs on this machine read from it.
	Copies string
	// CannotFetch says why runs of private repositories are refused; empty if they are not.
	CannotFetch admission.Obstacle

	// PerPerson is how many runs one person may ask for in an hour; 0 for any number.
	PerPerson int

	PublicURL string // the dashboard's
	Grammar   command.Grammar
	// EnrolmentPath is where people have the enrolment's file at home. May be nil.
	EnrolmentPath func(recipe string) string
	// Mask hides secret values in text that runs wrote. May be nil.
	Mask func(string) string

	Interval      time.Duration // between questions to a forge; default 30 s
	SweepEvery    time.Duration // default 10 min
	AnnounceEvery time.Duration // default 10 s

	Now func() time.Time
	Log *slog.Logger
}
