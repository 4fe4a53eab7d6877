package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/harness/run"
)

// AskMemory is for how long the answer to an ask is kept: whoever asks again with the
// same key within it gets the same answer.
const AskMemory = 24 * time.Hour

// ErrAskedOtherwise is returned where a key was used for something else within AskMemory.
var ErrAskedOtherwise = errors.New("the same key was used to ask for something else")

// Ask is a run request that came without a comment, and what was decided about it.
type Ask struct {
	Key string // the asker's, so that asking twice is asking once
	// What says what was asked for, so that one key is not taken for two requests.
	What string
	At   time.Time // when it was decided
	Who  string    // login, or who speaks for the asker
	Decision
	// Joined: the run was there already.
	Joined bool
}

// Asks remembers what was decided about requests without a comment.
type Asks interface {
	// Asked returns what was decided about a key within AskMemory before the given time;
	// ok is false where nothing was.
	Asked(ctx context.Context, key string, now time.Time) (a Ask, ok bool, err error)

	// DecideAsk records a decision, made at a.At. The events are appended to the journal in
	// the same transaction, so that a run exists exactly if its ask is decided. If the key
	// was decided within AskMemory, nothing happens and done is false. What is older than
	// AskMemory is forgotten.
	DecideAsk(ctx context.Context, a Ask, events ...run.Event) (done bool, err error)
}

// Check says whether an ask can be recorded.
func (a Ask) Check() error {
	if a.Key == "" || a.At.IsZero() {
		return fmt.Errorf("cannot record an ask by %q: it has no key, or no time", a.Who)
	}
	return a.Decision.Check()
}
