package forge

import (
	"errors"
	"fmt"
	"time"
)

// ErrLimited: the forge wants to be asked less, and we wait. The error is a
// LimitedError, which says until when.
var ErrLimited = errors.New("the forge asks us to wait")

// LimitedError says until when the forge, or our share of what it lets us ask, is to be
// left alone. Before then the same request fails the same way, mostly without being sent.
type LimitedError struct {
	Until time.Time // by our own clock
	Why   string    // as a part of a sentence, such as "its hourly limit is used up"; may be empty
}

func (e *LimitedError) Error() string {
	text := fmt.Sprintf("%v until %s", ErrLimited, e.Until.UTC().Format("15:04:05 MST"))
	if e.Why != "" {
		text += ": " + e.Why
	}
	return text
}

// longestWait bounds what a forge asks for: limits begin anew each hour, and a forge may be wrong.
const longestWait = time.Hour

// Wait says whether an error is a forge asking to be left alone, and for how long from now
// on: more than nothing, and no more than an hour.
func Wait(err error, now time.Time) (time.Duration, bool) {
	if !errors.Is(err, ErrLimited) {
		return 0, false
	}
	wait := time.Minute // where it does not say how long
	if limited, ok := errors.AsType[*LimitedError](err); ok && limited.Until.After(now) {
		wait = min(limited.Until.Sub(now), longestWait)
	}
	return wait, true
}

// Is makes every LimitedError an ErrLimited.
func (e *LimitedError) Is(target error) bool { return target == ErrLimited }
