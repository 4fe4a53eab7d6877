package bridge

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

// errTooSlow is why a preparation was given up, as opposed to a bridge that ends or a
// run that waits no more.
var errTooSlow = fmt.Errorf("it took longer than %s", prepareLimit)

// prepareWaiting prepares what waits, the foremost first, until the context ends.
func (b *Bridge) prepareWaiting(ctx context.Context) error {
	if b.Preparer == nil {
		return nil
	}
	for ctx.Err() == nil {
		request, gone, err := b.Queue.ToPrepare(ctx)
		if err != nil {
			return nil // the context ended
		}
		b.prepare(ctx, request, gone)
	}
	return nil
}

// prepare prepares one run. It lets the run go on whatever comes of it.
func (b *Bridge) prepare(ctx context.Context, request run.Request, gone <-chan struct{}) {
	defer b.Queue.Prepared(request.ID)
	e, ok := b.enrolment(request.Recipe)
	if !ok {
		return // withdrawn meanwhile; its dispatch says so
	}
	b.announcer.Changed(request.ID)
	defer b.announcer.Changed(request.ID)
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
	err := b.copyPrivate(inner, request)
	if err == nil {
		err = b.Preparer.Prepare(inner, request, e)
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
	b.Log.Warn("what a run needs could not be fetched while it waited", "run", request.ID, "recipe", request.Recipe, "err", err)
	warning := b.event(request.ID, 0, run.KindWarning)
	warning.Note = fmt.Sprintf("Its images could not be fetched while it waited: %v.", err)
	if err := b.Journal.Append(ctx, warning); err != nil && ctx.Err() == nil {
		b.Log.Error("cannot write a warning down", "run", request.ID, "err", err)
	}
}
