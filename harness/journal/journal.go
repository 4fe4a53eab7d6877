// Package journal is the memory of what happened to runs: events, appended and
// never changed, followed by whoever wants to know, folded into reports.
//
// The one thing that is ever changed is who asked: a person may be taken out of the
// events of runs that have ended.
//
// A journal gives every event a position; positions rise and are never reused.
// An event whose key (run, attempt, source, seq) is already there is dropped, so
// appending twice is safe. Only the bridge appends to the shared journal: a
// harness writes its events into a file of its own, which the bridge follows.
package journal

import (
	"context"
	"errors"
	"iter"
	"time"

	"seatrial/harness/run"
)

// ErrUnknownRun is returned where a run is named that the journal does not hold.
var ErrUnknownRun = errors.New("no such run")

// Position is an event's place in the journal's order. The first is 1.
type Position int64

// Entry is an event in its place.
type Entry struct {
	Position Position
	Event    run.Event
}

// Appender appends.
type Appender interface {
	// Append writes the events, all or none, in the order given, durably, before it
	// returns. Events with a known key are dropped without an error. An event of
	// source bridge with sequence number 0 gets the next free number of its run and
	// attempt.
	Append(ctx context.Context, events ...run.Event) error
}

// Reader reads.
type Reader interface {
	// Events returns a run's events in order; ErrUnknownRun if there are none.
	Events(ctx context.Context, id run.ID) ([]run.Event, error)

	// Report returns a run's report, folded from all of its events.
	Report(ctx context.Context, id run.ID) (run.Report, error)

	// Reports returns the reports of the runs that match, newest first.
	Reports(ctx context.Context, filter Filter) ([]run.Report, error)
}

// Follower follows.
type Follower interface {
	// Follow yields every entry after the position, first those that are there, then
	// new ones as they come, also those that another process appends. It ends with
	// the context (without an error), or with an error.
	Follow(ctx context.Context, after Position) iter.Seq2[Entry, error]

	// Last is the position of the latest entry, 0 for an empty journal.
	Last(ctx context.Context) (Position, error)
}

// Journal is all of it.
type Journal interface {
	Appender
	Reader
	Follower
}

// Filter selects runs. The zero value selects all.
type Filter struct {
	Recipe string
	Repo   string // owner/name
	Forge  string // with Repo
	Pull   int
	Commit string
	Asker  int64  // the person who asked, by their number on the forge; with Forge
	Tree   string // the git tree that was tested
	Open   bool   // only runs that have not ended
	Ended  bool   // only runs that have
	Since  time.Time
	Before run.ID // only runs older than this one, for paging
	Limit  int    // at most so many; 0 means 100
}
