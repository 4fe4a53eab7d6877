package forge

import (
	"errors"
	"fmt"
	"time"
)

// ErrLimited: the forge answered that we asked too much. Nothing is wrong with what was
// asked; a LimitedError says when to ask again.
var ErrLimited = errors.New("the forge asks us to wait")

// LimitedError is a forge's wish to be left alone until a time. It is ErrLimited.
type LimitedError struct {
	Until time.Time // by our clock
	Why   string    // as the forge put it, one line
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("%v until %s: %s", ErrLimited, e.Until.UTC().Format(time.RFC3339), e.Why)
}

// Is makes it ErrLimited.
func (e *LimitedError) Is(target error) bool { return target == ErrLimited }
