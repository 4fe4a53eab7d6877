package ledger

import (
	"errors"
	"fmt"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// ErrUnseen is returned where a comment is named that was never seen.
var ErrUnseen = errors.New("that comment was never seen")

// Unseen is the error for a comment that was never seen.
func Unseen(forgeID string, comment int64) error {
	return fmt.Errorf("cannot find comment %d of %s in the ledger: %w", comment, forgeID, ErrUnseen)
}

// CheckSeen says whether a comment can be recorded in the state: every comment
// begins ignored or open.
func CheckSeen(c forge.Comment, s State) error {
	if c.Repo.Forge == "" || c.ID == 0 {
		return fmt.Errorf("cannot record a comment on %s: it names no forge, or has no ID", c.Repo)
	}
	if s != Ignored && s != Open {
		return fmt.Errorf("cannot record comment %d of %s: a comment that was just seen is not %q", c.ID, c.Repo.Forge, s)
	}
	return nil
}

// Kept is what is remembered of a comment that was just seen: all of a command, and of
// anything else only that it was there, so that it never becomes one.
func Kept(c forge.Comment, s State) forge.Comment {
	if s == Ignored {
		return forge.Comment{Repo: forge.Repo{Forge: c.Repo.Forge}, ID: c.ID}
	}
	return c
}

// Check says whether exactly one field is set.
func (d Decision) Check() error {
	if (d.Run == "") == (d.Refusal == "") {
		return fmt.Errorf("cannot decide a comment: a decision is a run or a refusal, not %+v", d)
	}
	return nil
}

// Starts says whether the decision with these events starts its run, rather than
// joining one that is there.
func (d Decision) Starts(events []run.Event) bool {
	for _, e := range events {
		if d.Run != "" && e.Run == d.Run && e.Kind == run.KindRequested {
			return true
		}
	}
	return false
}
