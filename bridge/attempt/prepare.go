package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// Preparer fetches what a run needs while it waits, so that the network holds no slot.
type Preparer interface {
	// Prepare returns when everything is there. It may be asked again for what is there
	// already, and then returns soon. A failure stops nothing: the run meets it itself.
	Prepare(ctx context.Context, r run.Request, e recipes.Enrolment) error
}

const (
	// preparedAtOnce is how many runs are prepared at the same time: more would only share
	// one network.
	preparedAtOnce = 2
	// prepareLimit is for one run: then it goes on as it is.
	prepareLimit = 15 * time.Minute
)

// errTooSlow tells a preparation that took too long from one that was ended because the
// bridge ends or the run no longer waits.
var errTooSlow = fmt.Errorf("it took longer than %s", prepareLimit)

// prepareWaiting prepares waiting runs, the foremost first, until the context ends.
func (rs *Runs) prepareWaiting(ctx context.Context) error {
	if rs.Preparer == nil {
		return nil
	}
	for ctx.Err() == nil {
		request, gone, err := rs.Queue.ToPrepare(ctx)
		if err != nil {
			return nil // the context ended
		}
		rs.prepare(ctx, request, gone)
	}
	return nil
}

// prepare prepares one run. The run goes on even if that fails.
func (rs *Runs) prepare(ctx context.Context, request run.Request, gone <-chan struct{}) {
	defer rs.Queue.Prepared(request.ID)
	e, ok := rs.Enrolment(request.Recipe)
	if !ok {
		return // withdrawn meanwhile; its dispatch says so
	}
	rs.Changed(request.ID)
	defer rs.Changed(request.ID)
	inner, cancel := context.WithTimeoutCause(ctx, prepareLimit, errTooSlow)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-gone:
			cancel()
		case <-over:
		}
	}()
	err := rs.copyPrivate(inner, request)
	if err == nil {
		err = rs.Preparer.Prepare(inner, request, e)
	}
	if err == nil {
		return
	}
	switch cause := context.Cause(inner); {
	case errors.Is(cause, errTooSlow):
		err = cause
	case cause != nil:
		return // the bridge ends, or nobody wants the run any more
	}
	rs.Log.Warn("what a run needs could not be fetched while it waited", "run", request.ID, "recipe", request.Recipe, "err", err)
	warning := rs.event(request.ID, 0, run.KindWarning)
	warning.Note = fmt.Sprintf("Its images could not be fetched while it waited: %v.", err)
	if err := rs.Journal.Append(ctx, warning); err != nil && ctx.Err() == nil {
		rs.Log.Error("cannot write a warning down", "run", request.ID, "err", err)
	}
}
