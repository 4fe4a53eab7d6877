// Package api answers programs that ask where runs are on a cluster: allocations and
// nodes, as JSON.
//
// It only reads, and tells nothing that the pages do not tell. What is wrong with a
// request is said in a problem document (RFC 9457). Allocations are folded from the
// journal, never asked of the cluster: they are known after the cluster forgot them,
// and while it does not answer. Fields may be added; none changes its meaning.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"seatrial/dashboard/page"
	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Journal finds runs.
type Journal interface {
	// Reports returns the reports of the runs that match, newest first.
	Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error)
}

// Config is what answers are made from. Journal and Log are needed.
type Config struct {
	Journal   Journal
	Cluster   func(ctx context.Context) cluster.Snapshot // nil: there is none
	Nomad     page.Nomad
	JobLogs   bool   // the output of attempts can be followed
	PublicURL string // what links begin with; without a slash at the end
	Log       *slog.Logger
}

// Service answers below /api/.
type Service struct{ Config }

// New makes a service.
func New(c Config) *Service { return &Service{c} }

// Register puts the routes into mux.
func (s *Service) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/allocation", s.allocations)
	mux.HandleFunc("GET /api/v1/allocation/{id}", s.allocation)
	mux.HandleFunc("GET /api/v1/node", s.nodes)
	mux.HandleFunc("/api/", s.nowhere(mux))
}

// answer writes a value as JSON, with the headers of a run's result.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, value any) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		s.broken(w, r, err)
		return
	}
	head(w.Header(), "application/json; charset=utf-8")
	page.Send(w, r, http.StatusOK, append(text, '\n'))
}

func head(h http.Header, kind string) {
	page.Safe(h)
	h.Set("Content-Type", kind)
	h.Set("Access-Control-Allow-Origin", "*")
}

// link is an address of the dashboard's; empty for an empty path.
func (s *Service) link(path string) string {
	if path == "" {
		return ""
	}
	return strings.TrimRight(s.PublicURL, "/") + path
}
