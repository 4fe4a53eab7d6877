package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/harness/run"
)

// stopped says why a run ended before every question was answered.
type stopped struct {
	ending run.Ending
	note   string
}

func (s *stopped) Error() string {
	if s.note == "" {
		return string(s.ending)
	}
	return string(s.ending) + ": " + s.note
}

// because is why the run stopped: what ended the context, or else the given reason.
func because(ctx context.Context, otherwise run.Ending, err error) *stopped {
	if ctx.Err() != nil {
		if s, ok := errors.AsType[*stopped](context.Cause(ctx)); ok {
			return s
		}
	}
	return &stopped{otherwise, err.Error()}
}

// bounds derives the context in which the stages run. It ends when the caller's
// does, at the limit, after too much silence, or when an event cannot be written.
func (a *attempt) bounds(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	a.onFailure(func(err error) { cancel(&stopped{run.EndOurFault, "an event could not be written: " + err.Error()}) })

	detach := context.AfterFunc(parent, func() {
		why := ""
		if cause := context.Cause(parent); !errors.Is(cause, context.Canceled) {
			why = cause.Error()
		}
		cancel(&stopped{run.EndCancelled, why})
	})
	limit := a.limit()
	clock := time.AfterFunc(limit, func() {
		cancel(&stopped{run.EndOutOfTime, fmt.Sprintf("the limit of %s was reached", a.Request.Limit)})
	})
	go a.listen(ctx, cancel)
	return ctx, func() {
		detach()
		clock.Stop()
		cancel(nil)
	}
}

// limit is the time until the run must stop: its own limit, counted from now, but
// never so late that what comes after it would outlive the lease.
func (a *attempt) limit() time.Duration {
	limit := a.Request.Limit
	if !a.Labels.Expires.IsZero() {
		limit = min(limit, a.Labels.Expires.Add(-run.TeardownBudget).Sub(a.Now()))
	}
	return max(limit, 0)
}

// listen stops the run after too much silence.
func (a *attempt) listen(ctx context.Context, cancel context.CancelCauseFunc) {
	silence := a.Request.Silence
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		quiet, last := a.quiet()
		if quiet >= silence {
			cancel(&stopped{run.EndSilent, fmt.Sprintf("no output of the app and no progress for %s; the last was: %s", silence, last)})
			return
		}
		timer.Reset(silence - quiet)
	}
}

func (a *attempt) interrupt(s *stopped) {
	a.Emit(run.Event{Kind: run.KindInterrupted, Note: string(s.ending)}.With(s.note))
}
