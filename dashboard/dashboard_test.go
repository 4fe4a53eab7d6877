package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/store"
)

var _ dashboard.Journal = (*store.Reader)(nil) // what serve gives it

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newDashboard(t *testing.T, change func(*dashboard.Config)) *dashboard.Dashboard {
	t.Helper()
	c := dashboard.Config{
		Journal: sample.NewJournal(), Queue: sample.Queue, Enrolments: sample.Enrolments, Unenrolled: sample.Unenrolled, OpenLog: sample.OpenLog,
		PublicURL: "https://seatrial.example.org/", Now: func() time.Time { return sample.Now }, Version: "1.0.0",
	}
	if change != nil {
		change(&c)
	}
	return dashboard.New(c)
}

func ask(t *testing.T, h http.Handler, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func get(t *testing.T, h http.Handler, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return ask(t, h, http.MethodGet, path, header...)
}

func TestAddresses(t *testing.T) {
	d := newDashboard(t, nil)
	upper := strings.ToUpper(string(sample.Failed))
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 405}, {"DELETE", "/runs/" + string(sample.Failed), 405}, {"POST", "/nowhere", 404},
		{"GET", "/recipes/hedgedoc", 200}, {"GET", "/recipes/nobody", 404}, {"GET", "/recipes/%2e%2e%2fetc", 404}, {"GET", "/recipes/guestbook?before=x", 404},
		{"GET", "/runs/x", 404}, {"GET", "/runs/" + string(sample.ID(99)), 404}, {"GET", "/runs/" + upper, 301}, {"GET", "/runs/" + upper + "/log.txt", 301},
		{"GET", "/runs/" + string(sample.Failed) + ".json", 200}, {"GET", "/runs/" + string(sample.ID(99)) + ".json", 404},
		{"GET", "/runs/" + string(sample.Waiting) + "/log.txt", 404}, {"GET", "/runs/" + string(sample.Failed) + "/files/", 404},
		{"GET", "/healthz", 200}, {"GET", "/favicon.ico", 200}, {"GET", "/robots.txt", 200}, {"GET", "/assets/style.css", 404}, {"GET", "/badge/nobody.svg", 200},
		{"GET", "/events", 503}, {"GET", "/runs/x/events", 404},
	} {
		resp, _ := ask(t, d, tt.method, tt.path)
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s: %s, want %d", tt.method, tt.path, resp.Status, tt.status)
		}
		if resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow %q", tt.method, tt.path, resp.Header.Get("Allow"))
		}
		if resp.StatusCode == http.StatusMovedPermanently && !strings.HasPrefix(resp.Header.Get("Location"), "/runs/"+string(sample.Failed)) {
			t.Errorf("%s %s: Location %q", tt.method, tt.path, resp.Header.Get("Location"))
		}
		if kind := resp.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") && resp.StatusCode != 301 && !strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("%s %s: no policy for scripts", tt.method, tt.path)
		}
		if len(resp.Cookies()) > 0 {
			t.Errorf("%s %s sets a cookie", tt.method, tt.path)
		}
	}
}

func TestPagesAndAssetsAreKeptByBrowsers(t *testing.T) {
	d := newDashboard(t, nil)
	for _, path := range []string{"/", "/runs/" + string(sample.Failed), "/runs/" + string(sample.Failed) + ".json", "/runs/" + string(sample.Failed) + "/log.txt"} {
		resp, _ := get(t, d, path)
		if again, body := get(t, d, path, "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s with its ETag: %s", path, again.Status)
		}
	}
	_, body := get(t, d, "/")
	for _, asset := range hashes.FindAllString(body, -1) {
		_, rest, _ := strings.Cut(body, asset)
		name, _, _ := strings.Cut(rest, `"`)
		resp, _ := get(t, d, asset+name)
		if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || resp.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %s %v", asset+name, resp.Status, resp.Header)
		}
	}
}

func TestResultAsJSON(t *testing.T) {
	_, body := get(t, newDashboard(t, nil), "/runs/"+string(sample.Failed)+".json")
	var r struct {
		Verdict run.Verdict
		Level   int
		Report  run.Report
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != run.VerdictFail || r.Level != 1 || r.Report.Request.ID != sample.Failed {
		t.Errorf("got %s level %d of %s", r.Verdict, r.Level, r.Report.Request.ID)
	}
}

func TestRawLogInParts(t *testing.T) {
	d := newDashboard(t, nil)
	path := "/runs/" + string(sample.Failed) + "/log.txt"
	whole, text := get(t, d, path)
	if whole.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(whole.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("headers: %v", whole.Header)
	}
	resp, part := get(t, d, path, "Range", "bytes=-20", "If-Range", whole.Header.Get("ETag"))
	if resp.StatusCode != http.StatusPartialContent || part != text[len(text)-20:] {
		t.Errorf("%s: %q", resp.Status, part)
	}
}

// files lays out an attempt's folder as a hostile recipe would like it.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "token")
	for name, content := range map[string]string{
		secret: "s3cret", filepath.Join(dir, "result.json"): `{"format":1}`, filepath.Join(dir, "junit.xml"): "<testsuite/>", filepath.Join(dir, "job.json"): `{"pid":1}`,
		filepath.Join(dir, "artifacts/shots/home <1>.png"): "png", filepath.Join(dir, "artifacts/page.html"): "<script>alert(1)</script>", filepath.Join(dir, "artifacts/.hidden"): "x",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"artifacts/out.txt": secret, "artifacts/in.txt": "../job.json", "log.txt": secret, "artifacts/up": "/"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFiles(t *testing.T) {
	dir := files(t)
	d := newDashboard(t, func(c *dashboard.Config) {
		c.OpenFiles = func(run.ID, int) (*os.Root, error) { return os.OpenRoot(dir) }
	})
	base := "/runs/" + string(sample.Failed) + "/files/"
	_, list := get(t, d, base)
	for _, name := range []string{"result.json", "junit.xml", "artifacts/shots/home%20%3c1%3e.png", "artifacts/page.html"} {
		if !strings.Contains(list, base+name) {
			t.Errorf("%s is not listed", name)
		}
	}
	for _, name := range []string{"job.json", "log.txt", ".hidden", "out.txt", "in.txt"} {
		if strings.Contains(list, name+`"`) {
			t.Errorf("%s is listed", name)
		}
		for _, path := range []string{base + name, base + "artifacts/" + name} {
			if resp, body := get(t, d, path); resp.StatusCode != http.StatusNotFound || strings.Contains(body, "s3cret") {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
	}
	for _, path := range []string{"artifacts/up/etc/passwd", "artifacts/%2e%2e/job.json", "%2fetc/passwd", "artifacts", "artifacts/shots/", "artifacts/page.html/x"} {
		if resp, _ := get(t, d, base+path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
	for name, kind := range map[string]string{"result.json": "application/json; charset=utf-8", "artifacts/page.html": "application/octet-stream", "artifacts/shots/home%20%3c1%3e.png": "image/png"} {
		resp, _ := get(t, d, base+name)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %s %v", name, resp.Status, resp.Header)
		}
		if download := resp.Header.Get("Content-Disposition") == "attachment"; download != (kind == "application/octet-stream") {
			t.Errorf("%s: a download: %v", name, download)
		}
	}
	if _, page := get(t, d, strings.TrimSuffix(base, "files/")[:len(base)-len("/files/")]); !strings.Contains(page, base) {
		t.Error("the run's page does not lead to its files")
	}
}

// broken is a journal on a bad disk.
type broken struct {
	sample.Journal
	fine atomic.Bool
}

var errDisk = errors.New("disk I/O error")

func (b *broken) Last(ctx context.Context) (journal.Position, error) {
	if b.fine.Load() {
		return b.Journal.Last(ctx)
	}
	return 0, errDisk
}

func (b *broken) LatestRuns(context.Context) ([]run.Report, error) { return nil, errDisk }
func (b *broken) DefaultBranchReport(context.Context, string, string) (run.Report, int, bool, error) {
	return run.Report{}, 0, false, errDisk
}
func (b *broken) Follow(ctx context.Context, after journal.Position) iter.Seq2[journal.Entry, error] {
	if b.fine.Load() {
		return b.Journal.Follow(ctx, after)
	}
	return func(yield func(journal.Entry, error) bool) { yield(journal.Entry{}, errDisk) }
}

func TestJournalThatCannotBeRead(t *testing.T) {
	d := newDashboard(t, func(c *dashboard.Config) { c.Journal = &broken{Journal: sample.NewJournal()} })
	resp, body := get(t, d, "/")
	if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "Try again in a moment") || strings.Contains(body, "I/O") {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp, _ := get(t, d, "/healthz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("health: %s", resp.Status)
	}
	if resp, body := get(t, d, "/badge/guestbook.svg"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "not available now") {
		t.Errorf("badge: %s", resp.Status)
	}
}

func TestRunTriesAgainAndSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		b := &broken{Journal: sample.NewJournal()}
		d := newDashboard(t, func(c *dashboard.Config) {
			c.Journal, c.Log = b, slog.New(slog.NewTextHandler(&said, nil))
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(said.String(), "cannot follow the journal"); n != 1 {
			t.Errorf("said %d times that the journal cannot be followed", n)
		}
		b.fine.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestWhatHappensIsTold(t *testing.T) {
	j := sample.NewJournal()
	d := newDashboard(t, func(c *dashboard.Config) { c.Journal = j })
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error)
	go func() { followed <- d.Run(ctx) }()
	s := httptest.NewServer(d)
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	var resp *http.Response
	for range 200 { // Run has to begin
		var err error
		if resp, err = client.Get(s.URL + "/runs/" + string(sample.Running) + "/events"); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			break
		}
		resp.Body.Close()
		time.Sleep(5 * time.Millisecond)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	waitFor := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ended without %q", want)
	}
	waitFor("hello")

	before, _ := get(t, d, "/badge/vaultwarden.json?pr=21")
	events := []run.Event{
		{Run: sample.Running, Attempt: 1, Source: run.Harness, Seq: 100, At: sample.Now, Kind: run.KindStageEnded, Stage: run.StageUpgrade, Outcome: run.Failed, Note: "it broke"},
		{Run: sample.Running, Attempt: 1, Source: run.Bridge, At: sample.Now, Kind: run.KindEnded},
	}
	if err := j.Append(ctx, events...); err != nil {
		t.Fatal(err)
	}
	waitFor(`"outcome":"failed"`)
	waitFor(`"kind":"ended"`)
	after, body := get(t, d, "/badge/vaultwarden.json?pr=21")
	if !strings.Contains(body, "failing") || before.Header.Get("ETag") == after.Header.Get("ETag") {
		t.Errorf("the badge still says %s", body)
	}
	// Whoever counts follows the journal as the stream does, and may be behind it.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, body := get(t, d, "/metrics")
		if strings.Contains(body, `seatrial_runs_ended_total{verdict="fail"} 1`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the run that ended is not counted: %s", body)
		}
	}
	cancel()
	if err := <-followed; err != nil {
		t.Errorf("Run: %v", err)
	}
	for lines.Scan() { // the stream ends with Run
	}
}
