package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/harness/run"
)

// TestBrowserLooksAgain shows a running run to Chromium, lets it end, and reads what
// the browser then shows. A picture that is held back keeps the page loading until
// then.
func TestBrowserLooksAgain(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("cannot look with a browser: %v", err)
	}
	j := sample.NewJournal()
	d := newDashboard(t, func(c *dashboard.Config) { c.Journal = j })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var following sync.WaitGroup
	following.Go(func() { _ = d.Run(ctx) })
	defer following.Wait()
	defer cancel()

	looks := make(chan bool, 100)
	var once sync.Once
	page := "/runs/" + string(sample.Running)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/events"):
			once.Do(func() {
				go func() {
					time.Sleep(200 * time.Millisecond)
					_ = j.Append(ctx,
						run.Event{Run: sample.Running, Attempt: 1, Source: run.Harness, Seq: 100, At: sample.Now, Kind: run.KindStageEnded, Stage: run.StageUpgrade, Outcome: run.Failed, Note: "it broke just now"},
						run.Event{Run: sample.Running, Attempt: 1, Source: run.Bridge, At: sample.Now, Kind: run.KindEnded})
				}()
			})
		case strings.HasPrefix(r.URL.Path, "/assets/icon"):
			select { // the page, its second look, and the time to show it
			case <-looks:
				time.Sleep(500 * time.Millisecond)
			case <-ctx.Done():
			}
		case r.URL.Path == page && r.Header.Get("Sec-Fetch-Mode") == "cors":
			looks <- true
		}
		d.ServeHTTP(w, r)
	}))
	defer s.Close()

	c := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--timeout=15000", "--dump-dom", s.URL+page)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	dom := string(out)
	for _, want := range []string{"it broke just now", `class="verdict fail"`, "<title>fail: vaultwarden", `class="copybutton"`} {
		if !strings.Contains(dom, want) {
			t.Errorf("the browser does not show %s", want)
		}
	}
	if t.Failed() {
		t.Log(dom)
	}
	s.CloseClientConnections()
}
