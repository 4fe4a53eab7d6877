// Package ledger says what the bridge must remember besides events, so that a
// restart at any moment loses nothing and does nothing twice: how far each feed
// was read, which comments were seen and what was decided about them, what was
// written to the forge, and which trees the default branches hold.
//
// Every method is one transaction: it happened, durably, or it did not.
package ledger

import (
	"context"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// State is what became of a comment.
type State string

// The states of a comment.
const (
	Ignored State = "ignored" // no command, or edited before it was first seen; final
	Open    State = "open"    // a command without a decision yet
	Decided State = "decided" // a run, or a refusal; final
)

// Comment is a comment that was seen, and what is remembered of it.
type Comment struct {
	forge.Comment
	State State
	// Reacted: the first sign of life (the eyes) was given.
	Reacted bool
	// Tries counts decisions that could not be made yet; NotBefore is when to try next.
	Tries     int
	NotBefore time.Time
	// Run is the run that it started or joined; Refusal is the name of the reason why not.
	Run     run.ID
	Refusal string
}

// Feeds remembers how far each feed was read, by the scope's name.
type Feeds interface {
	// Cursor returns "" for a scope that was never read.
	Cursor(ctx context.Context, scope string) (forge.Cursor, error)
	SetCursor(ctx context.Context, scope string, c forge.Cursor) error
}

// Comments remembers every comment that was seen.
type Comments interface {
	// See records a comment in the given state if its forge and ID were never seen,
	// and says whether that was so. A comment that is known does not change. Of one that
	// is ignored no word is kept, and not whose it was.
	See(ctx context.Context, c forge.Comment, s State) (isNew bool, err error)

	// OpenComments returns the comments without a decision, oldest first.
	OpenComments(ctx context.Context) ([]Comment, error)

	// Reacted records that the eyes were given.
	Reacted(ctx context.Context, forgeID string, comment int64) error

	// Postpone records that no decision could be made, and when to try again.
	Postpone(ctx context.Context, forgeID string, comment int64, until time.Time) error

	// Decide closes an open comment: with a run that it started or joined, or with a
	// refusal. The events are appended to the journal in the same transaction, so
	// that a run exists exactly if its comment is decided. If the comment is decided
	// already, nothing happens and done is false.
	Decide(ctx context.Context, forgeID string, comment int64, d Decision, events ...run.Event) (done bool, err error)

	// CommentOf returns the comment that started a run; ok is false for a run that
	// no comment started.
	CommentOf(ctx context.Context, id run.ID) (c Comment, ok bool, err error)

	// RefusedComments returns the refused comments whose Refusal announcement is not done.
	RefusedComments(ctx context.Context) ([]Comment, error)
}

// Decision is what was decided about a command: exactly one field is set.
type Decision struct {
	Run     run.ID
	Refusal string
}

// Announcement is what is known about one thing that we keep saying on a forge:
// a comment that is edited, and a commit status.
type Announcement struct {
	Key       string // "run:<id>" or "comment:<forge>:<id>"
	CommentID int64  // 0: not posted, or posted and the answer got lost
	Intent    bool   // a post was begun: before posting again, look for the marker
	BodyHash  string // of the text that stands there
	Status    string // the state and description last posted
	Done      bool   // the last word was said
	Tries     int    // how often the comment was posted: anew once, after it was deleted
	UpdatedAt time.Time
}

// Announcements remembers what was written.
type Announcements interface {
	// Announcement returns the zero value (with the key) for an unknown key.
	Announcement(ctx context.Context, key string) (Announcement, error)
	SetAnnouncement(ctx context.Context, a Announcement) error
	// Unannounced returns the runs whose announcement is not Done, oldest first,
	// also those of which nothing was announced yet.
	Unannounced(ctx context.Context) ([]run.ID, error)
}

// Trees remembers which git trees a repository's default branch holds.
type Trees interface {
	// AddTrees records the trees of the default branch's latest commits, newest first;
	// known ones stay. None changes nothing.
	AddTrees(ctx context.Context, repo forge.Repo, trees []forge.Tree) error
}

// Audit records who decided what and why.
type Audit interface {
	Record(ctx context.Context, e AuditEntry) error
}

// AuditEntry is one line of the audit journal.
type AuditEntry struct {
	At      time.Time
	Who     string // login, "operator", or the part of the program that decided
	What    string // "refuse", "start", "join", "cancel", ...
	Subject string // what about: repository, pull request, run
	Why     string
}

// Ledger is all of it.
type Ledger interface {
	Feeds
	Comments
	Announcements
	Trees
	Audit
	Unenrolled
	Asks
}

// Behind is by how many commits each tree is not the tip's, of the latest commits of a
// branch, newest first.
func Behind(trees []forge.Tree) map[string]int {
	behind := map[string]int{}
	for i, t := range trees {
		if _, newer := behind[t.Tree]; !newer && t.Tree != "" {
			behind[t.Tree] = i
		}
	}
	return behind
}
