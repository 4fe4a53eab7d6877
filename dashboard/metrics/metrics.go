// Package metrics says in numbers what the dashboard knows, and what the process takes, in
// the text format of Prometheus.
//
// It counts only what it is told or can read: the journal, the queue, the cluster's
// nodes. Everything but the counters is read at the moment of the question, so it is
// true also after a restart. What cannot be read is left out, and seatrial_journal_up
// says so. No name of a run, a person or a repository is in a label: the number of
// series does not grow with use.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Journal is what numbers are made from.
type Journal interface {
	Report(ctx context.Context, id run.ID) (run.Report, error)
	Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error)
	// LatestRuns returns the latest run of each recipe.
	LatestRuns(ctx context.Context) ([]run.Report, error)
}

// Config is what numbers are made from. Journal and Log are needed; series whose source
// is missing are left out.
type Config struct {
	Journal  Journal
	Queue    func() run.Queue
	Cluster  func(ctx context.Context) cluster.Snapshot // nil: there is none
	Requests func() uint64                              // how many requests were made to Nomad since the start
	Others   []prometheus.Collector                     // what other parts of the program count; no two may have a series of one name
	Version  string
	Log      *slog.Logger
}

const (
	// lookLimit bounds one look into the journal. Prometheus gives up after 10 s.
	lookLimit = 5 * time.Second
	// maxOpen bounds how many open runs are counted.
	maxOpen = 10_000
	// maxAsking bounds how many may ask at once.
	maxAsking = 4
)

// Service answers GET /metrics. Safe for concurrent use.
type Service struct {
	Config
	http.Handler
	ended *prometheus.CounterVec
}

// New makes a service with a registry of its own.
func New(c Config) *Service {
	s := &Service{Config: c, ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "seatrial_runs_ended_total", Help: endedHelp}, []string{"verdict"})}
	for _, v := range verdicts {
		s.ended.WithLabelValues(string(v)) // a series that begins at 0 shows its first step
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(s, s.ended, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(c.Others...)
	answer := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxAsking})
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		answer.ServeHTTP(w, r)
	})
	return s
}

// Changed takes note of an entry of the journal: a run that ended is counted.
func (s *Service) Changed(ctx context.Context, e journal.Entry) {
	if e.Event.Kind != run.KindEnded {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	report, err := s.Journal.Report(ctx, e.Event.Run)
	if err != nil {
		s.Log.Warn("cannot count a run that ended", "run", e.Event.Run, "err", err)
		return
	}
	s.ended.WithLabelValues(string(report.Verdict())).Inc()
}
