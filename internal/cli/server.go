package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge"
	"seatrial/bridge/front"
	"seatrial/bridge/hook"
	"seatrial/bridge/queue"
	"seatrial/bridge/schedule"
	"seatrial/harness/app/swarm"
	"seatrial/harness/gateway"
	"seatrial/harness/janitor"
	"seatrial/harness/journal"
	"seatrial/recipes/nomadvars"
	"seatrial/store"
)

// server is what serve runs.
type server struct {
	log        *slog.Logger
	public     string
	version    string               // of this program
	cert       *gateway.Certificate // nil: plain HTTP is spoken
	listener   net.Listener
	enrolments nomadvars.Files
	cluster    *nomadAccess  // nil: runs stay on this machine
	docker     *swarm.Engine // for Co-op Cloud recipes; nil for none
	nomadURL   string        // of Nomad's own pages
	journal    *store.DB
	place      *place
	forges     []connected
	queue      *queue.Queue
	router     *gateway.Router
	dashboard  interface {
		http.Handler
		Run(context.Context) error
	}
	bridge       *bridge.Bridge
	front        *front.Front
	scheduler    *schedule.Scheduler
	hooks        *hook.Receiver // nil: no forge has a secret for them
	janitor      janitor.Janitor
	runs         string // the folder of the runs' folders
	keepFiles    time.Duration
	keepComments time.Duration
	closers      []func()
}

func (sv *server) onClose(f func()) { sv.closers = append(sv.closers, f) }

func (sv *server) close() {
	for _, f := range slices.Backward(sv.closers) {
		f()
	}
	sv.closers = nil
}

// run runs the parts until the context ends. Runs go on without it.
func (sv *server) run(ctx context.Context, clean time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return exitWith(exitConfiguration, sv.journal.Check(ctx)) }) // damage
	group.Go(func() error { return sv.serveHTTP(ctx) })                                  // dashboard, badges, gateway
	group.Go(func() error { return sv.dashboard.Run(ctx) })                              // pictures and live updates
	group.Go(func() error { return sv.bridge.Run(ctx) })                                 // comments to verdicts
	group.Go(func() error { return sv.enrolments.Run(ctx) })                             // changed enrolments
	group.Go(func() error { return sv.keepClean(ctx, clean) })                           // what outlived its run
	group.Go(func() error { return keepSecrets(ctx, sv.secrets(), sv.log) })
	for _, f := range sv.forges {
		group.Go(func() error { return checkAccess(ctx, f, sv.log) }) // said at the start
	}
	group.Go(func() error { return sv.scheduler.Run(ctx) })
	if sv.hooks != nil {
		group.Go(func() error { return sv.hooks.Run(ctx) }) // nudges
	}
	if sv.place.run != nil {
		group.Go(func() error { return sv.place.run(ctx) }) // what is known of the cluster
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// drain stops every run that has not ended and waits until nothing of it is left.
func (sv *server) drain(ctx context.Context) error {
	open, err := sv.journal.Reports(ctx, journal.Filter{Open: true, Limit: 1000})
	if err != nil {
		return err
	}
	for _, r := range open {
		for attempt := 1; attempt <= r.Attempt; attempt++ {
			if err := sv.place.dispatcher.Stop(ctx, r.Request.ID, attempt); err != nil {
				return err
			}
			for _, err := range sv.place.dispatcher.Follow(ctx, r.Request.ID, attempt, 0) {
				if err != nil {
					return err
				}
			}
			swept, err := sv.place.dispatcher.Sweep(ctx, r.Request.ID, attempt)
			if err != nil {
				return err
			}
			if len(swept.Leftovers) > 0 {
				return fmt.Errorf("%d things of run %s are left over: seatrial janitor lists them", len(swept.Leftovers), r.Request.ID)
			}
		}
	}
	return nil
}

// serveHTTP leads an app's host name to the app, webhooks to their receiver, and everything
// else to the dashboard.
func (sv *server) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case sv.router.Owns(r.Host):
				sv.router.ServeHTTP(w, r)
			case sv.hooks != nil && sv.hooks.Owns(r):
				sv.hooks.ServeHTTP(w, r)
			case sv.front.Owns(r): // whose addresses look like those of hooks
				sv.front.ServeHTTP(w, r)
			default:
				sv.dashboard.ServeHTTP(w, r)
			}
		}),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(sv.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer stop()
	serve := server.Serve
	if sv.cert != nil {
		server.TLSConfig = sv.cert.TLS()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(sv.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

// keepClean is the last layer of teardown.
func (sv *server) keepClean(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if removed, err := forgetFiles(ctx, sv.runs, sv.journal, sv.keepFiles, time.Now()); removed > 0 || err != nil && ctx.Err() == nil {
			sv.log.Info("removed the files of old runs", "runs", removed, "err", err)
		}
		if erased, err := sv.journal.ForgetComments(ctx, time.Now().Add(-sv.keepComments)); erased > 0 || err != nil && ctx.Err() == nil {
			sv.log.Info("erased whose old comments were", "comments", erased, "err", err)
		}
		result, err := sv.janitor.Sweep(ctx, janitor.Options{})
		level := slog.LevelInfo
		if result.Count(janitor.Removed)+result.Count(janitor.Left) == 0 {
			level = slog.LevelDebug // what is kept is kept each time
		}
		for _, line := range result.Lines() {
			sv.log.Log(ctx, level, "janitor", "did", line)
		}
		if err != nil && ctx.Err() == nil {
			sv.log.Error("the janitor met errors", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
