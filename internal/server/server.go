// Package server joins what `seatrial serve` runs: forges, executor, journal, queue,
// bridge, webhooks, schedule, dashboard and gateway.
//
// New opens everything that can refuse to open, and touches nothing outside but the
// listening address; Run serves until its context ends. A server is not an owner of its
// runs: they go on without it, and the next server over the same state folder finds
// them again. One server at a time uses a state folder.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge"
	"seatrial/bridge/api"
	"seatrial/bridge/hook"
	"seatrial/bridge/queue"
	"seatrial/bridge/schedule"
	"seatrial/harness/app/swarm"
	"seatrial/harness/cluster"
	"seatrial/harness/failpoint"
	"seatrial/harness/gateway"
	"seatrial/harness/janitor"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/perform"
	"seatrial/internal/state"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
	"seatrial/secrets"
	"seatrial/store"
)

// Server is made by New and lives in Run.
type Server struct {
	Config
	runs       string               // the folder of the runs' folders
	cert       *gateway.Certificate // nil: plain HTTP is spoken
	listener   net.Listener
	enrolments nomadvars.Files
	cluster    *cluster.Access // nil: runs stay on this machine
	docker     *swarm.Engine   // for Co-op Cloud recipes; nil for none
	journal    *store.DB
	executor   *executor
	forges     []Connected
	queue      *queue.Queue
	router     *gateway.Router
	dashboard  interface {
		http.Handler
		Run(context.Context) error
	}
	bridge    *bridge.Bridge
	api       *api.Service
	scheduler *schedule.Scheduler
	hooks     *hook.Receiver // nil: no forge has a secret for them
	janitor   janitor.Janitor
	closers   []func()
}

// New opens everything that can refuse to open before anything starts. Close what it
// returns.
func New(ctx context.Context, c Config) (_ *Server, err error) {
	c.complete()
	sv := &Server{Config: c}
	defer func() {
		if err != nil {
			sv.Close()
		}
	}()
	if sv.cert, err = perform.Certificate(c.Settings, c.Log); err != nil {
		return nil, err
	}
	if sv.runs, err = c.State.Own(state.RunsDir); err != nil {
		return nil, err
	}
	work, err := c.State.Work()
	if err != nil {
		return nil, err
	}
	instance, err := c.State.Instance()
	if err != nil {
		return nil, err
	}
	unlock, err := c.State.Lock()
	if err != nil {
		return nil, err
	}
	sv.onClose(unlock)
	if err := state.CheckSpace(work); err != nil {
		c.Log.Warn("no run can begin before there is more space", "why", err)
	}
	if c.Executor == Nomad {
		if sv.cluster, err = c.Nomad.Open(c.Log); err != nil {
			return nil, exit.With(exit.Configuration, err)
		}
		sv.Nomad.URL = cmp.Or(c.Nomad.URL, sv.cluster.Address())
	}
	if sv.enrolments, err = sv.watchEnrolments(ctx); err != nil {
		return nil, err
	}
	if err := reportProblems(sv.enrolments.Book(), c.Log); err != nil {
		return nil, err
	}
	if err := sv.openJournal(ctx); err != nil {
		return nil, err
	}
	if err := sv.listen(); err != nil {
		return nil, err
	}
	scratch, err := c.State.Own(state.ScratchDir)
	if err != nil {
		return nil, err
	}
	if sv.forges, err = Connect(c.Forges, scratch, c.Log); err != nil {
		return nil, err
	}
	if sv.docker, err = perform.Engine(ctx, c.Settings); err != nil {
		return nil, err
	}
	if sv.docker != nil {
		sv.onClose(func() { sv.docker.Close() })
	}
	if sv.executor, err = sv.newExecutor(ctx, instance, work); err != nil {
		return nil, err
	}
	if err := sv.joinBridge(); err != nil {
		return nil, err
	}
	return sv, sv.openDoors()
}

func (sv *Server) openJournal(ctx context.Context) error {
	db, err := store.Open(ctx, sv.State.Path(state.JournalFile), store.Options{
		Log: sv.Log, AfterAppend: func(kind run.Kind) { failpoint.Hit("journal:" + string(kind)) },
	})
	if err != nil {
		return exit.With(exit.Configuration, err)
	}
	sv.journal = db
	sv.onClose(func() { db.Close() })
	return nil
}

func (sv *Server) listen() (err error) {
	if sv.listener, err = net.Listen("tcp", sv.Listen); err != nil {
		return exit.Errorf(exit.Unavailable, "cannot listen on %s: %w (choose another address with --listen)", sv.Listen, err)
	}
	sv.onClose(func() { sv.listener.Close() })
	sv.listened(sv.listener.Addr())
	return nil
}

// joinBridge makes what leads from comments to verdicts.
func (sv *Server) joinBridge() (err error) {
	x := sv.executor
	sv.queue = queue.New(queue.Config{Capacity: sv.Capacity, Offers: x.offers, Prepares: sv.prepares, Now: time.Now})
	sv.router = gateway.NewRouter(sv.Settings.Domain, sv.cert, sv.Log)
	sv.janitor = janitor.Janitor{Instance: x.instance, Places: x.objects, Owners: janitor.JournalOwners{Journal: sv.journal}, Abandoned: sv.State.Abandoned, Now: time.Now, Log: sv.Log}
	sv.bridge, err = bridge.New(bridge.Config{
		Forges:     sv.bridgeForges(),
		Enrolments: func() []recipes.Enrolment { return sv.enrolments.Book().Enrolments },
		Journal:    sv.journal, Ledger: sv.journal, Queue: sv.queue, Dispatcher: x.dispatcher, Routes: sv.router, Baselines: sv.journal, Preparer: x.preparer,
		CannotIsolate: func() string { return x.cannotIsolate }, CannotDispatch: x.obstacle,
		Copies: x.copies, CannotFetch: x.cannotFetch,
		PublicURL: sv.PublicURL, Grammar: sv.Grammar, PerPerson: sv.PerPerson,
		Mask:     sv.mask,
		Interval: sv.Poll, SweepEvery: sv.Sweep, Now: time.Now, Log: sv.Log,
	})
	return err
}

// openDoors makes what leads to the bridge, and what shows it.
func (sv *Server) openDoors() error {
	senders, err := sv.hookForges()
	if err != nil {
		return err
	}
	if sv.hooks, err = sv.newHooks(senders, sv.bridge); err != nil {
		return err
	}
	if sv.api, err = sv.newAPI(senders); err != nil {
		return err
	}
	if sv.scheduler, err = sv.newScheduler(); err != nil {
		return err
	}
	if err := sv.State.WriteAddress(sv.PublicURL); err != nil {
		return err
	}
	sv.dashboard = sv.newDashboard()
	return nil
}

func (sv *Server) onClose(f func()) { sv.closers = append(sv.closers, f) }

// Close lets go of everything that New opened. Call it after Run has returned.
func (sv *Server) Close() {
	for _, f := range slices.Backward(sv.closers) {
		f()
	}
	sv.closers = nil
}

// Journal is what is known of runs.
func (sv *Server) Journal() *store.DB { return sv.journal }

// Run runs the parts until the context ends. Runs go on without it.
func (sv *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return exit.With(exit.Configuration, sv.journal.Check(ctx)) }) // damage
	group.Go(func() error { return sv.serveHTTP(ctx) })                                    // dashboard, badges, gateway
	group.Go(func() error { return sv.dashboard.Run(ctx) })                                // pictures and live updates
	group.Go(func() error { return sv.bridge.Run(ctx) })                                   // comments to verdicts
	group.Go(func() error { return sv.enrolments.Run(ctx) })                               // changed enrolments
	group.Go(func() error { return sv.keepClean(ctx) })                                    // what outlived its run
	group.Go(func() error { return secrets.Keep(ctx, sv.takeNewSecrets) })
	for _, f := range sv.forges {
		group.Go(func() error { return checkAccess(ctx, f, sv.Log) }) // said at the start
	}
	group.Go(func() error { return sv.scheduler.Run(ctx) })
	if sv.hooks != nil {
		group.Go(func() error { return sv.hooks.Run(ctx) }) // nudges
	}
	if sv.executor.run != nil {
		group.Go(func() error { return sv.executor.run(ctx) }) // what is known of the cluster
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Drain stops every run that has not ended and waits until nothing of it is left.
func (sv *Server) Drain(ctx context.Context) error {
	open, err := sv.journal.Reports(ctx, journal.Filter{Open: true, Limit: 1000})
	if err != nil {
		return err
	}
	for _, r := range open {
		for attempt := 1; attempt <= r.Attempt; attempt++ {
			if err := sv.drain(ctx, r.Request.ID, attempt); err != nil {
				return err
			}
		}
	}
	return nil
}

func (sv *Server) drain(ctx context.Context, id run.ID, attempt int) error {
	dispatcher := sv.executor.dispatcher
	if err := dispatcher.Stop(ctx, id, attempt); err != nil {
		return err
	}
	for _, err := range dispatcher.Follow(ctx, id, attempt, 0) {
		if err != nil {
			return err
		}
	}
	swept, err := dispatcher.Sweep(ctx, id, attempt)
	if err != nil {
		return err
	}
	if len(swept.Leftovers) > 0 {
		return fmt.Errorf("%d things of run %s are left over: seatrial janitor lists them", len(swept.Leftovers), id)
	}
	return nil
}
