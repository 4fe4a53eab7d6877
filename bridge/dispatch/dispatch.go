// Package dispatch says how a run is started elsewhere and followed.
//
// local/ and its siblings dispatch. The key is run and attempt: the same one
// dispatched twice starts once. The executor, which is where a run is performed, is the
// truth about what is running, not the bridge: a dispatcher holds nothing in memory that it cannot
// find again after a restart, and following resumes where it was left.
package dispatch

import (
	"context"
	"iter"

	"seatrial/harness/run"
)

// Phase says how the executor sees an attempt, which may differ from what the run says.
type Phase string

const (
	Unknown  Phase = "unknown" // the executor knows no such attempt
	Pending  Phase = "pending" // accepted, not running yet
	Running  Phase = "running"
	Complete Phase = "complete" // it ended by itself, after its last word
	Lost     Phase = "lost"     // it ended without its last word: killed, crashed, vanished
)

// Over says whether nothing more will come from the attempt.
func (p Phase) Over() bool { return p == Complete || p == Lost || p == Unknown }

// Cause says why an attempt ended or is ending, where the executor knows better than the
// attempt itself, which only sees that it is asked to stop.
type Cause string

// The causes. Stop is none of them: who calls it knows why.
const (
	Withdrawn Cause = "withdrawn" // an operator of the executor stopped it there
	Displaced Cause = "displaced" // the executor took away what it ran on: a node drained, lost, or taken for others
)

// State is a phase and what a person would want to know about it.
type State struct {
	Phase  Phase
	Detail string // "killed by signal 9", "exit status 2"
	Cause  Cause  // empty where the attempt ended by itself, or was asked to by Stop
}

// Attempt names one attempt, and what the executor calls it.
type Attempt struct {
	Run     run.ID
	Attempt int
	Name    string // of the job, for people
}

// Census is fulfilled by dispatchers whose executor outlives the bridge's memory of it.
type Census interface {
	// Live lists the attempts of this installation that are not over, as the executor
	// sees it, also those that the journal knows nothing of.
	Live(ctx context.Context) ([]Attempt, error)
}

// Dispatcher starts attempts and follows them. All methods are safe for
// concurrent use.
type Dispatcher interface {
	// Dispatch starts an attempt. It returns when the executor has accepted it, and does
	// nothing if it had already.
	Dispatch(ctx context.Context, r run.Request, attempt int, lease run.Lease) error

	// Follow yields the attempt's events after the sequence number, first those that
	// are there, then new ones as they come. It ends without an error when the
	// attempt is over and everything was yielded, or when the context ends.
	Follow(ctx context.Context, id run.ID, attempt int, after int64) iter.Seq2[run.Event, error]

	// State asks the executor.
	State(ctx context.Context, id run.ID, attempt int) (State, error)

	// Stop asks the attempt to stop, tear down and end. It returns when that was
	// asked, not when it is done. Stopping what is over does nothing.
	Stop(ctx context.Context, id run.ID, attempt int) error

	// Sweep removes what an attempt that is over has left behind, and lists what it
	// could not remove. It is safe any number of times.
	Sweep(ctx context.Context, id run.ID, attempt int) (run.Swept, error)
}
