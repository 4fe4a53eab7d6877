package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// book is a journal; runs without a report in it cannot be read.
type book map[run.ID]run.Report

func (b book) Report(_ context.Context, id run.ID) (run.Report, error) {
	if r, ok := b[id]; ok {
		return r, nil
	}
	return run.Report{}, errors.New("disk I/O error")
}

func (b book) Reports(_ context.Context, f journal.Filter) (found []run.Report, err error) {
	for _, r := range b {
		if f.Match(&r) {
			found = append(found, r)
		}
	}
	return found, nil
}

func (b book) LatestRuns(ctx context.Context) ([]run.Report, error) {
	return b.Reports(ctx, journal.Filter{})
}

func ended(ending run.Ending) run.Report { return run.Report{State: run.Ended, Ending: ending} }

func ask(t *testing.T, s *Service) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	return w.Body.String()
}

func TestRunsThatEndAreCounted(t *testing.T) {
	s := New(Config{Journal: book{"a": ended(run.EndLost), "b": {State: run.Running}}, Log: slog.New(slog.DiscardHandler)})
	for _, e := range []run.Event{
		{Run: "a", Kind: run.KindStarted}, {Run: "a", Kind: run.KindEnded}, {Run: "b", Kind: run.KindProgress}, {Run: "unreadable", Kind: run.KindEnded},
	} {
		s.Changed(t.Context(), journal.Entry{Event: e})
	}
	body := ask(t, s)
	for verdict, n := range map[string]int{"pass": 0, "fail": 0, "unverified": 1} {
		if line := fmt.Sprintf("seatrial_runs_ended_total{verdict=%q} %d\n", verdict, n); !strings.Contains(body, line) {
			t.Errorf("lacks %s in\n%s", line, body)
		}
	}
	for _, line := range []string{`seatrial_runs{state="running"} 1`, `seatrial_recipes{verdict="pending"} 1`, `seatrial_recipes{verdict="unverified"} 1`} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("lacks %s in\n%s", line, body)
		}
	}
}

func TestWhatTheProcessTakesIsThere(t *testing.T) {
	body := ask(t, New(Config{Journal: book{}, Log: slog.New(slog.DiscardHandler)}))
	for _, series := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} {
		if !strings.Contains(body, "\n"+series+" ") {
			t.Errorf("lacks %s", series)
		}
	}
}

func TestEverybodyMayAskAtOnce(t *testing.T) {
	s := New(Config{
		Journal: book{}, Log: slog.New(slog.DiscardHandler), Version: "\"quoted\"\nline",
		Queue: func() run.Queue { return run.Queue{} }, Cluster: func(context.Context) cluster.Snapshot { return cluster.Snapshot{} }, Requests: func() uint64 { return 1 },
	})
	var all sync.WaitGroup
	for range maxAsking {
		all.Go(func() {
			if body := ask(t, s); !strings.Contains(body, `seatrial_build_info{version="\"quoted\"\nline"} 1`) || !strings.Contains(body, "seatrial_nomad_requests_total 1\n") {
				t.Errorf("got %s", body)
			}
		})
		all.Go(func() { s.Changed(t.Context(), journal.Entry{Event: run.Event{Run: "x", Kind: run.KindEnded}}) })
	}
	all.Wait()
}
