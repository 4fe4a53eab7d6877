package badge

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// past is a journal in which the tests write what they like.
type past struct {
	main, pull atomic.Pointer[run.Report]
	behind     int // how far main is from the tip
	err        error
	looks      atomic.Int64
	during     func() // called in the middle of a look
}

func (p *past) DefaultBranchReport(ctx context.Context, forge, repo string) (r run.Report, behind int, ok bool, err error) {
	p.looks.Add(1)
	latest := p.main.Load()
	if p.during != nil {
		p.during()
	}
	if p.err != nil || latest == nil {
		return run.Report{}, 0, false, p.err
	}
	return *latest, p.behind, true, ctx.Err()
}

func (p *past) Report(context.Context, run.ID) (run.Report, error) {
	return run.Report{Request: run.Request{Recipe: "guestbook"}}, nil
}

func (p *past) Reports(_ context.Context, f journal.Filter) ([]run.Report, error) {
	p.looks.Add(1)
	r := p.pull.Load()
	if r == nil || f.Pull != r.Request.Code.Pull || f.Forge != "gitea" || f.Repo != "org/guestbook" {
		return nil, p.err
	}
	return []run.Report{*r}, p.err
}

func service(t testing.TB, p *past) (*Service, func(path string, header ...string) *http.Response) {
	t.Helper()
	now := time.Unix(1+60*60, 0) // an hour after what ended
	s := New(Config{
		Default: p, Runs: p, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Repo: func(recipe string) (string, string, bool) { return "gitea", "org/guestbook", recipe == "guestbook" },
	})
	mux := http.NewServeMux()
	mux.Handle("GET /badge/{file}", s)
	get := func(path string, header ...string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Result()
	}
	return s, get
}

func pass() *run.Report {
	r := ended(run.Passed, run.Passed, run.Passed, run.Passed, run.Passed, run.Passed, run.Passed, run.Passed)
	return &r
}

func fail() *run.Report {
	r := ended(run.Failed)
	r.Request.Code.Pull = 7
	return &r
}

func says(t *testing.T, resp *http.Response, want string) {
	t.Helper()
	var b struct{ Message string }
	if err := json.NewDecoder(resp.Body).Decode(&b); err != nil {
		t.Fatal(err)
	}
	if b.Message != want {
		t.Errorf("the badge says %q, want %q", b.Message, want)
	}
}

func TestAlwaysAPicture(t *testing.T) {
	p := &past{}
	_, get := service(t, p)
	for _, path := range []string{
		"/badge/guestbook.svg", "/badge/nobody.svg", "/badge/guestbook", "/badge/%2e%2e.svg", "/badge/a%2Fb.svg",
		"/badge/guestbook.svg?pr=7", "/badge/guestbook.svg?pr=-1", "/badge/guestbook.svg?pr=x", "/badge/guestbook.svg?label=%22%3E%00", "/badge/guestbook.svg?%zz",
	} {
		resp := get(path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "image/svg+xml; charset=utf-8" {
			t.Errorf("%s: %s %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		for _, name := range []string{"Cache-Control", "ETag", "Content-Security-Policy", "X-Content-Type-Options", "Access-Control-Allow-Origin"} {
			if resp.Header.Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
	}
	p.err = errors.New("disk on fire")
	says(t, get("/badge/guestbook.json"), "not available now")
	says(t, get("/badge/guestbook.json?pr=7"), "not available now")
}

func TestPullRequestStaysOffThePlainBadge(t *testing.T) {
	p := &past{}
	p.pull.Store(fail())
	_, get := service(t, p)
	says(t, get("/badge/guestbook.json"), "untested")
	says(t, get("/badge/guestbook.json?pr=7"), "failing")
	says(t, get("/badge/guestbook.json?pr=8"), "untested")
	p.main.Store(pass())
	says(t, get("/badge/guestbook.json"), "level 5/5")
	says(t, get("/badge/guestbook.json?pr=7"), "failing")
}

func TestETag(t *testing.T) {
	p := &past{}
	p.main.Store(pass())
	_, get := service(t, p)
	etag := get("/badge/guestbook.svg").Header.Get("ETag")
	for _, match := range []string{etag, "*", `"other", ` + etag, "W/" + etag} {
		if resp := get("/badge/guestbook.svg", "If-None-Match", match); resp.StatusCode != http.StatusNotModified || resp.ContentLength > 0 {
			t.Errorf("If-None-Match %s: %s", match, resp.Status)
		}
	}
	p.main.Store(fail())
	if resp := get("/badge/guestbook.svg", "If-None-Match", etag); resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == etag {
		t.Errorf("after a change: %s %s", resp.Status, resp.Header.Get("ETag"))
	}
}

func TestKeptPictures(t *testing.T) {
	p := &past{}
	p.main.Store(pass())
	s, get := service(t, p)
	entry := journal.Entry{Event: run.Event{Run: run.NewID(time.Unix(1, 0)), Kind: run.KindEnded}}

	for range 3 {
		get("/badge/guestbook.svg")
	}
	if n := p.looks.Load(); n != 3 {
		t.Errorf("looked %d times while nobody tells of changes, want 3", n)
	}
	s.Following(true)
	for range 3 {
		get("/badge/guestbook.svg")
	}
	if n := p.looks.Load(); n != 4 {
		t.Errorf("looked %d times, want 4", n)
	}

	p.main.Store(fail())
	s.Changed(t.Context(), entry)
	says(t, get("/badge/guestbook.json"), "failing")

	// The default branch moves without an event.
	p.main.Store(pass())
	says(t, get("/badge/guestbook.json"), "failing")
	now := s.Now()
	s.Now = func() time.Time { return now.Add(maxAge) }
	says(t, get("/badge/guestbook.json"), "level 5/5")
}

func TestChangeDuringALookIsNotForgotten(t *testing.T) {
	p := &past{}
	p.main.Store(pass())
	s, get := service(t, p)
	s.Following(true)
	p.during = func() {
		p.during = nil
		p.main.Store(fail())
		s.Changed(t.Context(), journal.Entry{Event: run.Event{Run: run.NewID(time.Unix(1, 0)), Kind: run.KindEnded}})
	}
	get("/badge/guestbook.svg")
	says(t, get("/badge/guestbook.json"), "failing")
}

func TestLabel(t *testing.T) {
	p := &past{}
	p.main.Store(pass())
	_, get := service(t, p)
	var b Badge
	if err := json.NewDecoder(get("/badge/guestbook.json?label=my+app%e2%80%ae").Body).Decode(&b); err != nil {
		t.Fatal(err)
	}
	if b.Label != "my app?" || !strings.HasPrefix(b.Message, "level") {
		t.Errorf("got %+v", b)
	}
}

// BenchmarkBadge answers for one badge over and over, without the network.
func BenchmarkBadge(b *testing.B) {
	p := &past{}
	p.main.Store(pass())
	s, _ := service(b, p)
	s.Following(true)
	mux := http.NewServeMux()
	mux.Handle("GET /badge/{file}", s)
	r := httptest.NewRequest(http.MethodGet, "/badge/guestbook.svg", nil)
	w := &discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		mux.ServeHTTP(w, r)
	}
	if n := p.looks.Load(); n != 1 {
		b.Errorf("looked into the journal %d times", n)
	}
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
