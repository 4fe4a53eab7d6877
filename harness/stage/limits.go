package stage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits of deeds that the enrolment does not limit. Each is generous: a deed that
// reaches it hangs.
const (
	// deployMargin is for copying files and starting services, on top of the build's
	// and the release command's own limits and of what the app may take to be healthy,
	// which some platforms wait for.
	deployMargin = 5 * time.Minute
	// stopMargin is for killing what did not stop in its own time.
	stopMargin = time.Minute
	// copyLimit is for one volume going into the vault, or coming out of it.
	copyLimit = 15 * time.Minute
	// lookLimit is for planting canaries, and for looking at all of them.
	lookLimit = 5 * time.Minute
	// askLimit is for a question to the deployer: what runs, what is there.
	askLimit = time.Minute
	// destroyLimit is for removing the app between two stages.
	destroyLimit = 3 * time.Minute
	// lintLimit is for reading the recipe's files.
	lintLimit = 2 * time.Minute
	// stepLimit is for one step of the enrolment; a request has a shorter one of its own.
	stepLimit = 2 * time.Minute
)

// within does a deed that may take so long. Time that ran out is our error.
func within(ctx context.Context, limit time.Duration, what string, deed func(context.Context) error) error {
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := deed(inner)
	if err != nil && ctx.Err() == nil && errors.Is(inner.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("gave up %s after %s: %w", what, limit, ranOut{err})
	}
	return err
}

// ranOut hides a fault inside: what was found while time ran out proves nothing.
type ranOut struct{ err error }

func (r ranOut) Error() string { return r.err.Error() }

func (x *exam) deployLimit() time.Duration {
	t := x.Enrolment.Timeouts
	return time.Duration(x.Enrolment.Build.Timeout) + time.Duration(t.Hook) + time.Duration(t.Stop) + time.Duration(x.Enrolment.Health.Timeout) + deployMargin
}

func (x *exam) stopLimit() time.Duration {
	return time.Duration(x.Enrolment.Timeouts.Stop) + stopMargin
}
