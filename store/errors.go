package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// ErrDamaged is matched by errors that say that the file is not what was written.
var ErrDamaged = errors.New("the journal is damaged")

// NewerError says that a newer version of this program has written the journal.
type NewerError struct {
	Path          string
	Schema, Known int64
}

// Error implements error.
func (e *NewerError) Error() string {
	return fmt.Sprintf("the journal at %s was written by a newer seatrial (schema %d, this one knows %d): use that version, or another --state",
		e.Path, e.Schema, e.Known)
}

// primary is the part of an extended result code that says what kind it is.
const primary = 0xff

// explain says what was attempted, why it failed, and, where the operator can do
// something about it, what.
func (s *shared) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *sqlite.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	why := ""
	switch known.Code() & primary {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return s.damaged(doing, err)
	case lib.SQLITE_FULL:
		why = "the disk that holds %s is full: free some space"
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		why = "%s cannot be written: make the file and its folder writable for this user, or choose another --state"
	case lib.SQLITE_CANTOPEN:
		why = "%s cannot be opened: look at the rights of the file and its folder"
	case lib.SQLITE_IOERR:
		why = "the disk that holds %s does not do as told: is it full, or failing?"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		why = "another process has kept %s locked for more than " + busyTimeout.String() + ": look for a seatrial or an sqlite3 that hangs"
	default:
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	return fmt.Errorf("cannot %s: "+why+" (%w)", doing, s.path, err)
}

func (s *shared) damaged(doing string, err error) error {
	return fmt.Errorf("cannot %s: %w: %s is not what was written (%w): put a copy in its place, or move it away to begin anew",
		doing, ErrDamaged, s.path, err)
}
