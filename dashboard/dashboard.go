// Package dashboard serves what the journal knows to people and programs: pages,
// badges, live updates, and where runs are on a cluster.
//
// It reads and writes nothing, so it may be switched off, restarted or shown to
// strangers without a run noticing. It never imports the bridge: what it needs from
// there (queue, enrolments) it is given as functions. Run follows the journal; while
// it does not run, badges are looked up each time and there are no live updates,
// and everything else works.
package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"

	"seatrial/dashboard/api"
	"seatrial/dashboard/badge"
	"seatrial/dashboard/joblog"
	"seatrial/dashboard/live"
	"seatrial/dashboard/metrics"
	"seatrial/dashboard/page"
	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/pause"
)

// Journal is what the dashboard reads: a journal, and two questions that an adapter
// answers faster than by folding everything.
type Journal interface {
	journal.Reader
	journal.Follower
	// LatestRuns returns the latest run of each recipe.
	LatestRuns(ctx context.Context) ([]run.Report, error)
	badge.DefaultBranch
}

// Config is what the dashboard is made from. Journal is needed; the rest may be
// left out, and is then left out of the pages.
type Config struct {
	Journal    Journal
	Queue      func() run.Queue
	Enrolments func() page.Enrolments
	Unenrolled func(ctx context.Context) []page.UnenrolledRepo // whose webhooks come all the same
	// OpenLog opens the log of an attempt. fs.ErrNotExist: there is none (yet).
	OpenLog func(id run.ID, attempt int) (io.ReadSeekCloser, error)
	// OpenFiles opens the folder of an attempt's artifacts.
	OpenFiles func(id run.ID, attempt int) (*os.Root, error)

	// Where runs are performed on a Nomad cluster.
	Cluster        func(ctx context.Context) cluster.Snapshot
	JobLog         joblog.Source // follows the output of an attempt's job
	NomadURL       string        // of Nomad's own pages, for links
	NomadNamespace string        // of the runs; empty means ci
	NomadRequests  func() uint64 // how many were made since the start

	Collectors []prometheus.Collector // of other parts, shown at /metrics

	PublicURL string // how browsers reach the dashboard: scheme and host
	Word      string // the command; empty means !testme
	Now       func() time.Time
	Log       *slog.Logger
	Version   string
}

// Dashboard is an http.Handler.
type Dashboard struct {
	config Config
	mux    *http.ServeMux
	badges *badge.Service
	hub    *live.Hub
	counts *metrics.Service
	failed atomic.Pointer[error] // why the journal cannot be followed right now
}

// New makes a dashboard.
func New(c Config) *Dashboard {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Enrolments == nil {
		c.Enrolments = func() page.Enrolments { return page.Enrolments{} }
	}
	d := &Dashboard{config: c, mux: http.NewServeMux(), hub: &live.Hub{}}
	d.badges = badge.New(badge.Config{Default: c.Journal, Runs: c.Journal, Repo: d.repo, Now: c.Now, Log: c.Log})
	d.counts = metrics.New(metrics.Config{Journal: c.Journal, Queue: c.Queue, Cluster: c.Cluster, Requests: c.NomadRequests, Others: c.Collectors, Version: c.Version, Log: c.Log})
	nomad := page.NewNomad(c.NomadURL, c.NomadNamespace)
	pages := page.New(page.Config{
		Journal: c.Journal, Badges: d.badges, Queue: c.Queue, Enrolments: c.Enrolments, Unenrolled: c.Unenrolled, OpenLog: c.OpenLog, OpenFiles: c.OpenFiles,
		Cluster: c.Cluster, Nomad: nomad, JobLogs: c.JobLog != nil,
		PublicURL: strings.TrimRight(c.PublicURL, "/"), Word: c.Word, Now: c.Now, Log: c.Log, Version: c.Version,
	})
	pages.Register(d.mux)
	api.New(api.Config{
		Journal: c.Journal, Cluster: c.Cluster, Nomad: nomad, JobLogs: c.JobLog != nil, PublicURL: c.PublicURL, Log: c.Log,
	}).Register(d.mux)
	d.mux.Handle("GET /build", joblog.New(c.JobLog, c.OpenLog, c.Journal, c.Log))
	d.mux.Handle("GET /metrics", d.counts)
	d.mux.Handle("GET /badge/{file}", d.badges)
	d.mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { d.hub.Serve(w, r, "") })
	d.mux.HandleFunc("GET /runs/{id}/events", d.events)
	d.mux.HandleFunc("GET /healthz", d.health)
	return d
}

// ServeHTTP answers a request.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// Run follows the journal until the context ends: badges change and browsers are
// told at once. A journal that cannot be read is tried again; the error is logged
// once for each time that it begins to fail.
func (d *Dashboard) Run(ctx context.Context) error {
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = 10 * time.Second
	for {
		read, err := d.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if read {
			wait.Reset()
		}
		if d.failed.Swap(&err) == nil {
			d.config.Log.Error("cannot follow the journal: badges are looked up each time, and there are no live updates", "err", err)
		}
		if pause.For(ctx, wait.NextBackOff(), nil) != nil {
			return nil
		}
	}
}

// follow passes entries on until the journal or the context ends. read says that
// the journal could be read for a while.
func (d *Dashboard) follow(ctx context.Context) (read bool, err error) {
	last, err := d.config.Journal.Last(ctx)
	if err != nil {
		return false, fmt.Errorf("cannot find the end of the journal: %w", err)
	}
	d.hub.Open(last)
	d.badges.Following(true)
	defer d.hub.Close()
	defer d.badges.Following(false)
	for entry, err := range d.config.Journal.Follow(ctx, last) {
		if err != nil {
			return read, err
		}
		read = true
		d.failed.Store(nil)
		d.badges.Changed(ctx, entry)
		d.hub.Publish(entry)
		d.counts.Changed(ctx, entry)
	}
	return read, fmt.Errorf("the journal stopped yielding entries")
}

func (d *Dashboard) repo(recipe string) (forge, repo string, ok bool) {
	e, ok := d.config.Enrolments().ByName(recipe)
	return e.Forge, e.Repo, ok
}

func (d *Dashboard) events(w http.ResponseWriter, r *http.Request) {
	id, err := run.ParseID(r.PathValue("id"))
	if err != nil {
		http.Error(w, "This is not the ID of a run.", http.StatusNotFound)
		return
	}
	d.hub.Serve(w, r, id)
}

// health says whether the journal can be read.
func (d *Dashboard) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, err := d.config.Journal.Last(ctx); err != nil {
		d.config.Log.Error("not healthy: cannot read the journal", "err", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "the journal cannot be read: the log of seatrial serve says why")
		return
	}
	fmt.Fprintln(w, "ok")
}
