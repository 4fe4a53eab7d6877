package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

func (a *App) Stop(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	return a.stop(ctx)
}

// stopGrace is how long helpers of a service may live on after it ended: they see
// their pipes close and go.
const stopGrace = time.Second

func (a *App) stop(ctx context.Context) error {
	in := a.instance()
	if in == nil {
		return nil
	}
	ended, _ := errors.AsType[*app.Fault](a.Alive(ctx)) // before anything was asked
	defer a.setInstance(nil)
	limit := orDefault(a.cfg.Enrolment.Timeouts.Stop, defaultStop)
	stubborn, err := in.askToStop(ctx, limit)
	var left []procs.Proc
	if err == nil && len(stubborn) == 0 {
		left = in.outlivers(ctx, stopGrace)
	}
	names := procs.CommandLines(left)
	in.close()
	// Not isolated, a process may have got away from a supervisor that died.
	a.killOwn()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("cannot wait for the app to stop: %w", ctx.Err())
	case ended != nil:
		return ended
	case len(stubborn) > 0:
		f := &app.Fault{
			Summary: fmt.Sprintf("%s did not stop within %v of SIGTERM and had to be killed", strings.Join(serviceNames(stubborn), " and "), limit),
			Hint:    "end on SIGTERM, or ask the operator to raise timeouts.stop in the enrolment",
		}
		for _, s := range stubborn {
			f.Evidence = append(f.Evidence, s.out.tail()...)
		}
		return f
	case len(left) > 0:
		return &app.Fault{
			Summary:  "the app's own stop was outlived by " + strings.Join(quoted(names), " and ") + ", which had to be killed",
			Evidence: names,
			Hint:     "let the service wait for what it starts, and end it on SIGTERM",
		}
	}
	return nil
}

// askToStop sends SIGTERM to every service and waits. It returns those that stay.
func (in *instance) askToStop(ctx context.Context, limit time.Duration) ([]*service, error) {
	var errs error
	for _, s := range in.services {
		if s.alive() {
			errs = errors.Join(errs, s.task.signal(ctx, unix.SIGTERM))
		}
	}
	if errs != nil {
		return nil, fmt.Errorf("cannot ask the app to stop: %w", errs)
	}
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	late := false
	var stubborn []*service
	for _, s := range in.services {
		if !late {
			select {
			case <-s.ended:
			case <-deadline.C:
				late = true
			case <-ctx.Done():
				late = true
			}
		}
		if s.alive() {
			stubborn = append(stubborn, s)
		}
	}
	return stubborn, nil
}

// outlivers waits a moment for the last processes to go and returns those that stay.
func (in *instance) outlivers(ctx context.Context, grace time.Duration) []procs.Proc {
	const again = 10 * time.Millisecond
	for deadline := time.Now().Add(grace); ; time.Sleep(again) {
		left := procs.Descendants(in.supervisor.pid)
		if len(left) == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return left
		}
	}
}

func serviceNames(services []*service) []string {
	var names []string
	for _, s := range services {
		names = append(names, s.name)
	}
	return names
}

func quoted(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf("%q", name))
	}
	return list
}
