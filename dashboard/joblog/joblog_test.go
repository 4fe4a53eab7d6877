package joblog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	known = run.NewID(time.Unix(1, 0))
	job   = "builder" + cluster.ChildMarker(known, 1) + "1795620079-9f82d137"
)

type runs struct{ err error }

func (j runs) Report(_ context.Context, id run.ID) (run.Report, error) {
	if id != known {
		return run.Report{}, journal.ErrUnknownRun
	}
	return run.Report{}, j.err
}

func serve(t *testing.T, source Source, j Journal) string {
	t.Helper()
	s := httptest.NewServer(New(source, nil, j, slog.New(slog.DiscardHandler)))
	t.Cleanup(s.Close)
	return s.URL + "/build?"
}

func open(t *testing.T, ctx context.Context, method, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func get(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	resp := open(t, t.Context(), http.MethodGet, url)
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func query(job, stream string) string { return url.Values{"job": {job}, "log": {stream}}.Encode() }

func TestAChunkIsSentAsSoonAsItIsWritten(t *testing.T) {
	read := make(chan bool)
	base := serve(t, func(_ context.Context, id, stream string, follow bool, w io.Writer) error {
		fmt.Fprintf(w, "%s %s %v\n", id, stream, follow)
		<-read // would wait for ever if the first line were kept back
		fmt.Fprintln(w, "the end")
		return nil
	}, runs{})
	resp := open(t, t.Context(), http.MethodGet, base+query(job, "stderr"))
	lines := bufio.NewReader(resp.Body)
	if first, err := lines.ReadString('\n'); err != nil || first != job+" stderr true\n" {
		t.Fatalf("got %q, %v", first, err)
	}
	close(read)
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "the end\n" {
		t.Errorf("got %q, %v", rest, err)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestWhatIsThereIsHadWithoutFollowing(t *testing.T) {
	base := serve(t, func(_ context.Context, _, _ string, follow bool, w io.Writer) error {
		fmt.Fprint(w, "<script>alert(1)</script> ", follow)
		return nil
	}, runs{})
	resp, body, err := get(t, base+query(job, "stdout")+"&follow=false")
	if err != nil || resp.StatusCode != http.StatusOK || body != "<script>alert(1)</script> false" {
		t.Errorf("%s %q %v", resp.Status, body, err)
	}
}

func TestAnEmptyLogIsAnEmptyAnswer(t *testing.T) {
	base := serve(t, func(context.Context, string, string, bool, io.Writer) error { return nil }, runs{})
	if resp, body, err := get(t, base+query(job, "stdout")); err != nil || resp.StatusCode != http.StatusOK || body != "" || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s %q %v", resp.Status, body, err)
	}
}

func TestRefusals(t *testing.T) {
	never := func(context.Context, string, string, bool, io.Writer) error {
		t.Error("the cluster was asked")
		return nil
	}
	stranger := "builder" + cluster.ChildMarker(run.NewID(time.Unix(2, 0)), 1) + "1795620079-9f82d137"
	for name, tt := range map[string]struct {
		source Source
		runs   runs
		query  string
		status int
		says   string
	}{
		"no cluster":           {nil, runs{}, query(job, "stdout"), 404, "no logs"},
		"no job":               {never, runs{}, "log=stdout", 400, "job must be"},
		"a job of somebody":    {never, runs{}, query("postgres", "stdout"), 400, "job must be"},
		"a dispatch of theirs": {never, runs{}, query("batch/dispatch-1795620079-9f82d137", "stdout"), 400, "job must be"},
		"a line break":         {never, runs{}, query("x\n"+job, "stdout"), 400, "job must be"},
		"no stream":            {never, runs{}, query(job, ""), 400, "log must be"},
		"another stream":       {never, runs{}, query(job, "stdin"), 400, "log must be"},
		"half a query":         {never, runs{}, query(job, "stdout") + "&follow=maybe", 400, "follow must be"},
		"an unknown run":       {never, runs{}, query(stranger, "stdout"), 404, "holds no run"},
		"a broken journal":     {never, runs{errors.New("disk I/O error")}, query(job, "stdout"), 500, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body, err := get(t, serve(t, tt.source, tt.runs)+tt.query)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(body, tt.says) || strings.Contains(body, "I/O") {
				t.Errorf("%s %q %v", resp.Status, body, err)
			}
			if resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("headers: %v", resp.Header)
			}
		})
	}
}

func TestErrorsOfTheClusterAreSaidToPeople(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"forgotten":   {fmt.Errorf("cannot find: %w", cluster.ErrNotFound), 404, "forgotten"},
		"unreachable": {cluster.ErrUnreachable, 503, "does not answer"},
		"no leader":   {cluster.ErrNoLeader, 503, "Ask again"},
		"forbidden":   {cluster.ErrForbidden, 502, "seatrial nomad doctor"},
		"a bad token": {cluster.ErrBadToken, 502, "seatrial nomad doctor"},
		"else":        {errors.New("10.0.0.7: secret"), 502, "in the log of seatrial serve"},
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(context.Context, string, string, bool, io.Writer) error { return tt.err }, runs{})
			resp, body, err := get(t, base+query(job, "stdout"))
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(body, tt.says) || !strings.Contains(body, "/runs/"+string(known)+"/log") || strings.Contains(body, "secret") {
				t.Errorf("%s %q %v", resp.Status, body, err)
			}
			if (resp.Header.Get("Retry-After") != "") != (tt.status == 503) {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
		})
	}
}

func TestALogThatBreaksOffDoesNotLookWhole(t *testing.T) {
	base := serve(t, func(_ context.Context, _, _ string, _ bool, w io.Writer) error {
		fmt.Fprintln(w, "one line")
		return cluster.ErrUnreachable
	}, runs{})
	_, body, err := get(t, base+query(job, "stdout"))
	if err == nil || !strings.HasPrefix(body, "one line\n") || !strings.Contains(body, "not complete") {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestTheSourceEndsWithTheReader(t *testing.T) {
	ended := make(chan error)
	base := serve(t, func(ctx context.Context, _, _ string, _ bool, w io.Writer) error {
		fmt.Fprintln(w, "begun")
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}, runs{})
	ctx, cancel := context.WithCancel(t.Context())
	open(t, ctx, http.MethodGet, base+query(job, "stdout"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNoMoreThanSoManyAtOnce(t *testing.T) {
	done := make(chan bool)
	base := serve(t, func(_ context.Context, _, _ string, _ bool, w io.Writer) error {
		fmt.Fprintln(w, "begun")
		<-done
		return nil
	}, runs{})
	var all []*http.Response
	for range maxFollowers { // an answer has begun when its place is taken
		all = append(all, open(t, t.Context(), http.MethodGet, base+query(job, "stdout")))
	}
	resp, body, _ := get(t, base+query(job, "stdout"))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "10" || !strings.Contains(body, "Too many") {
		t.Errorf("%s %q", resp.Status, body)
	}
	if resp := open(t, t.Context(), http.MethodHead, base+query(job, "stdout")); resp.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %s", resp.Status)
	}
	close(done)
	for _, resp := range all {
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Error(err)
		}
	}
	if resp, _, _ := get(t, base+query(job, "stdout")); resp.StatusCode != http.StatusOK {
		t.Errorf("once the others have gone: %s", resp.Status)
	}
}
