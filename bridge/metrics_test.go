package bridge_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"seatrial/bridge"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger/ledgertest"
	"seatrial/bridge/queue"
	"seatrial/recipes"
)

// countingForge counts, and has a limit.
type countingForge struct{ bridge.Client }

func (countingForge) Budget() forge.Budget       { return forge.Budget{Limit: 5000, Left: 4000} }
func (countingForge) Requests() map[string]int64 { return map[string]int64{"comments": 7, "sweep": 2} }

func TestTheForgesAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, client := ledgertest.New(), newFakeForge()
		b, err := bridge.New(bridge.Config{
			Forges:     []bridge.Forge{{ID: "gitea", Org: "coop", Client: client}, {ID: "hub", Org: "coop", Client: countingForge{client}, OneByOne: true}},
			Enrolments: func() []recipes.Enrolment { return []recipes.Enrolment{{Name: "guestbook", Repo: "coop/guestbook"}} },
			Journal:    memory, Ledger: memory, Queue: queue.New(queue.Config{Capacity: 1}), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		pause(10*time.Minute + 7*time.Second)
		registry := prometheus.NewRegistry()
		registry.MustRegister(b.Metrics())
		w := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, line := range []string{
			`seatrial_forge_up{forge="gitea"} 1`, `seatrial_forge_up{forge="hub"} 0`,
			`seatrial_forge_rate_limit{forge="hub"} 5000`, `seatrial_forge_rate_left{forge="hub"} 4000`,
			`seatrial_forge_requests_total{forge="hub",kind="comments"} 7`, `seatrial_forge_requests_total{forge="hub",kind="sweep"} 2`,
			`seatrial_forge_poll_lag_seconds{forge="gitea",scope="repository"} 7`, `seatrial_forge_poll_lag_seconds{forge="hub",scope="repository"} 0`,
			`seatrial_comment_seen_seconds_count{forge="gitea"} 0`,
		} {
			if !strings.Contains(w.Body.String(), line+"\n") {
				t.Errorf("lacks %s in\n%s", line, w.Body)
			}
		}
		if text := w.Body.String(); strings.Contains(text, `rate_left{forge="gitea"`) || !strings.Contains(text, `lag_seconds{forge="gitea",scope="organisation"}`) || strings.Contains(text, `lag_seconds{forge="hub",scope="organisation"}`) {
			t.Errorf("says of a forge what it has not:\n%s", text)
		}
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What the page says of a metric is its help, word for word.
func TestTheReferenceKnowsTheForgesMetrics(t *testing.T) {
	page, err := os.ReadFile("../docs/reference/dashboard.md")
	if err != nil {
		t.Fatal(err)
	}
	b, err := bridge.New(bridge.Config{Queue: queue.New(queue.Config{Capacity: 1}), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan *prometheus.Desc, 20)
	b.Metrics().Describe(all)
	close(all)
	described := regexp.MustCompile(`fqName: "([a-z_]+)", help: "(.*?)", [uc]`)
	n := 0
	for d := range all {
		n++
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("%s is not understood", d)
		}
		line := regexp.MustCompile("(?m)^\\| `" + m[1] + "\\{[a-z,]+\\}` \\| [a-z]+ \\| (.*) \\|$").FindStringSubmatch(string(page))
		if line == nil || strings.ReplaceAll(line[1], "`", "") != m[2] {
			t.Errorf("docs/reference/dashboard.md does not say of %s: %s", m[1], m[2])
		}
	}
	if n != 6 {
		t.Errorf("there are %d metrics, want 6", n)
	}
}
