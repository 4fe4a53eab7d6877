package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/harness/stage"
)

// stopGrace is how long a stage may take to notice that the run was stopped.
// Teardown does not wait longer for it.
const stopGrace = 30 * time.Second

// attempt is one attempt at a run, while it lasts.
type attempt struct {
	Job
	*recorder
	mask  *Mask
	lines *lines

	front   Front
	host    string
	baseURL string
	app     app.App
	reach   atomic.Pointer[app.App] // for the gateway, which is there before the app
	up      bool
	kept    int64 // bytes of the backup
	removed int   // things that were destroyed between two stages

	helpers helpers // the apps of the dependencies
}

// Run performs one attempt. The context's end stops the stages, never the teardown.
// The report says what is known about the recipe; the error is ours: an event that
// could not be written, so that nobody will learn of it.
func Run(ctx context.Context, j Job) (run.Report, error) {
	if err := j.check(); err != nil {
		return run.Report{}, err
	}
	a := &attempt{Job: j, mask: NewMask(j.Secrets)}
	a.recorder = newRecorder(&a.Job, a.mask)
	a.lines = &lines{recorder: a.recorder}

	inner, cancel := a.bounds(ctx)
	if stop := a.perform(inner); stop != nil {
		a.interrupt(stop)
	} else if a.Keep {
		a.keep(ctx)
	}
	cancel()
	a.tearDown(ctx)
	a.Emit(a.lastWord())
	return a.conclude()
}

// perform does everything but the teardown. It returns nil when every question was
// asked, or why the run stopped before.
func (a *attempt) perform(ctx context.Context) (stop *stopped) {
	defer func() {
		if p := recover(); p != nil {
			a.Logger.Error("the harness panicked", "run", a.Request.ID, "panic", p, "stack", string(debug.Stack()))
			stop = &stopped{run.EndOurFault, fmt.Sprintf("a mistake in this program: %v", p)}
		}
	}()
	opened := a.open()
	a.announce()
	failpoint.Hit("harness:started")
	if opened != nil {
		return because(ctx, run.EndOurFault, opened)
	}
	fetched, err := a.fetch(ctx)
	if err != nil {
		return because(ctx, run.EndNotFetched, err)
	}
	plan := stage.NewPlan(stage.Facts{
		Head: fetched.Head, Previous: fetched.Previous, NoPrevious: fetched.NoPrevious, Unknown: fetched.Unknown, Enrolment: a.Enrolment, Only: a.Request.Only,
	})
	a.Emit(planned(plan, fetched))
	if len(plan.Route) > 0 {
		if err := a.openDeps(); err != nil {
			return because(ctx, run.EndOurFault, err)
		}
	}
	a.app, err = a.NewApp(ctx, AppConfig{
		Labels: a.Labels, Label: a.label(), BaseURL: a.baseURL, Enrolment: a.knowing(a.Enrolment), Trusted: a.Request.Trusted, Log: a.lines.add,
		Siblings: a.siblings(a.label()),
	})
	if err != nil {
		return because(ctx, run.EndOurFault, fmt.Errorf("cannot prepare a place for the app: %w", err))
	}
	a.reach.Store(&a.app)
	if err := a.examine(ctx, plan, fetched); err != nil {
		return because(ctx, run.EndOurFault, err)
	}
	if ctx.Err() != nil {
		return because(ctx, run.EndOurFault, ctx.Err())
	}
	return nil
}

// open starts the run's own gateway; it answers before there is an app.
func (a *attempt) open() error {
	host := a.label() + "." + a.Domain
	if public, err := url.Parse(a.BaseURL); err == nil && public.Hostname() != "" {
		host = public.Hostname()
	}
	front, err := a.Gateway(host, func(ctx context.Context) (net.Conn, error) {
		if reached := a.reach.Load(); reached != nil {
			return (*reached).Dial(ctx)
		}
		return nil, app.ErrNotRunning
	})
	if err != nil {
		return fmt.Errorf("cannot open the run's gateway: %w", err)
	}
	a.front, a.host, a.baseURL = front, host, a.BaseURL
	if a.baseURL == "" {
		a.baseURL, err = addressOf(front, host)
	}
	return err
}

func (a *attempt) label() string { return a.Request.ID.Label(a.Request.Recipe) }

func (a *attempt) announce() {
	started := a.Where
	started.PID, started.Label, started.BaseURL = os.Getpid(), a.label(), a.baseURL
	started.Host, _ = os.Hostname()
	if a.front != nil {
		started.Gateway, started.GatewayTLS = a.front.Addr(), a.front.Scheme() == "https"
	}
	a.Emit(run.Event{Kind: run.KindStarted}.With(started))
}

func (a *attempt) fetch(ctx context.Context) (Fetched, error) {
	a.Emit(run.Event{Kind: run.KindProgress, Note: "fetching the recipe"})
	if err := os.MkdirAll(a.checkout(), 0o700); err != nil {
		return Fetched{}, fmt.Errorf("cannot make the folder of the checkout: %w", err)
	}
	return a.Source.Fetch(ctx, a.Request.Code, a.Request.From, a.checkout())
}

func (a *attempt) checkout() string { return filepath.Join(a.Work, "checkout") }
func (a *attempt) scratch() string  { return filepath.Join(a.Work, "scratch") }

func planned(p stage.Plan, f Fetched) run.Event {
	plan := run.Plan{Stages: p.Stages, Commit: f.Head.Commit, Tree: f.Head.Tree, Subject: f.Subject}
	if f.Previous != nil {
		plan.Previous = f.Previous.Name
	}
	return run.Event{Kind: run.KindPlanned}.With(plan)
}

// examine asks the stages, on a goroutine of their own: a deed that does not
// notice that it was stopped must not keep the teardown waiting.
func (a *attempt) examine(ctx context.Context, plan stage.Plan, f Fetched) error {
	if err := os.MkdirAll(a.scratch(), 0o700); err != nil {
		return fmt.Errorf("cannot make a folder for temporary files: %w", err)
	}
	events := &stageEvents{recorder: a.recorder}
	defer events.over.Store(true)
	job := stage.Job{
		Run: a.Request.ID, Head: f.Head, Previous: f.Previous, Enrolment: a.Enrolment, Trusted: a.Request.Trusted, Only: a.Request.Only,
		App: a.app, Vault: a.Vault, BaseURL: a.baseURL, Client: a.front.Client(), Scratch: a.scratch(),
		Tools:  a.Tools(Bench{Request: a.Request, Enrolment: a.knowing(a.Enrolment), Fetched: f, App: a.app, BaseURL: a.baseURL, Client: a.front.Client()}),
		Events: events, Tail: a.lines.tail, Log: a.Logger,
		Needs: func(ctx context.Context) string { return a.deployDeps(ctx, events) },
	}
	var result stage.Result
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				a.Logger.Error("the stages panicked", "run", a.Request.ID, "panic", p, "stack", string(debug.Stack()))
				done <- fmt.Errorf("a mistake in this program: %v", p)
			}
		}()
		result = stage.Execute(ctx, job, plan)
		done <- nil
	}()
	select {
	case err := <-done:
		a.up, a.kept, a.removed = result.Up && err == nil, result.Backup, result.Removed
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		a.removed = result.Removed
		return err
	case <-time.After(stopGrace):
		a.Logger.Error("a stage did not stop; tearing down all the same", "run", a.Request.ID, "waited", stopGrace)
		return errors.New("a stage did not stop when asked")
	}
}

// keep waits with the app up, so that a person can look at it.
func (a *attempt) keep(ctx context.Context) {
	if !a.up {
		a.say("there is no app to keep up: it is not running after the last stage")
		return
	}
	a.say("the app stays up at %s until you stop this (Ctrl-C)", a.baseURL)
	<-ctx.Done()
}

func (a *attempt) say(format string, args ...any) {
	a.Emit(run.Event{Kind: run.KindProgress, Note: fmt.Sprintf(format, args...)})
}
