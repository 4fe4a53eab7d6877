package joblog

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/httpserver"
)

// local is a machine with one run, whose attempts' logs lie in a folder.
type local struct {
	dir string

	mu sync.Mutex
	r  run.Report
}

func (l *local) Report(_ context.Context, id run.ID) (run.Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id != known {
		return run.Report{}, journal.ErrUnknownRun
	}
	return l.r, nil
}

func (l *local) is(state run.State, attempt int, job string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r.State, l.r.Attempt, l.r.Started = state, attempt, &run.Started{Job: job}
}

func (l *local) file(attempt int) string { return filepath.Join(l.dir, fmt.Sprint(attempt)) }

func (l *local) open(_ run.ID, attempt int) (io.ReadSeekCloser, error) {
	return os.Open(l.file(attempt))
}

func (l *local) write(t *testing.T, attempt int, text string) {
	t.Helper()
	f, err := os.OpenFile(l.file(attempt), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func (l *local) serve(t *testing.T, source Source) string {
	t.Helper()
	s := httptest.NewServer(New(source, l.open, l, slog.New(slog.DiscardHandler)))
	t.Cleanup(s.Close)
	return s.URL + "/build?"
}

func TestALocalRunsLogIsFollowedOverItsAttempts(t *testing.T) {
	l := &local{dir: t.TempDir()}
	l.is(run.Waiting, 0, "")
	resp := open(t, t.Context(), http.MethodGet, l.serve(t, nil)+query(strings.ToUpper(string(known)), "stdout"))
	lines := bufio.NewReader(resp.Body)
	want := func(text string) {
		t.Helper()
		if got, err := lines.ReadString('\n'); err != nil || got != text {
			t.Fatalf("got %q, %v; want %q", got, err, text)
		}
	}
	l.is(run.Running, 1, "")
	l.write(t, 1, "one\n")
	want("one\n")
	l.write(t, 1, "two\n")
	want("two\n")
	l.write(t, 1, "lost\n")
	l.write(t, 2, "again\n")
	l.is(run.Running, 2, "")
	want("lost\n")
	want("seatrial: attempt 2\n")
	want("again\n")
	l.write(t, 2, "the end\n")
	l.is(run.Ended, 2, "")
	want("the end\n")
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestWithoutFollowALocalRunsLogIsWhatIsThere(t *testing.T) {
	l := &local{dir: t.TempDir()}
	base := l.serve(t, nil)
	for _, c := range []struct {
		state   run.State
		attempt int
		want    string
	}{{run.Waiting, 0, ""}, {run.Running, 1, "one\n"}, {run.Ended, 1, "one\n"}, {run.Ended, 3, "one\nseatrial: attempt 2\nseatrial: attempt 3\n"}} {
		l.is(c.state, c.attempt, "")
		if c.attempt == 1 && c.state == run.Running {
			l.write(t, 1, "one\n")
		}
		if resp, body, err := get(t, base+query(string(known), "stdout")+"&follow=false"); err != nil || resp.StatusCode != http.StatusOK || body != c.want {
			t.Errorf("%s %d: %s %q, %v", c.state, c.attempt, resp.Status, body, err)
		}
	}
}

func TestWhatALocalRunDoesNotHave(t *testing.T) {
	l := &local{dir: t.TempDir()}
	l.is(run.Ended, 1, "")
	base := l.serve(t, nil)
	for q, says := range map[string]string{
		query(string(known), "stderr"):                "ask for log=stdout",
		query(job, "stdout"):                          "write the run's ID",
		query("01k9zq5v8e2m4n6p8r0t2v4x6z", "stdout"): "holds no run",
		query("seatrial-run", "stdout"):               "the ID of a run",
	} {
		if resp, body, err := get(t, base+q); err != nil || resp.StatusCode/100 != 4 || !strings.Contains(body, says) {
			t.Errorf("%s: %s %q, %v", q, resp.Status, body, err)
		}
	}
}

func TestARunsJobsAreFollowedByTheRunsID(t *testing.T) {
	l := &local{dir: t.TempDir()}
	l.is(run.Running, 1, "first")
	base := l.serve(t, func(_ context.Context, id, stream string, follow bool, w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %s %v\n", id, stream, follow)
		if id == "first" {
			l.is(run.Running, 2, "second")
		} else {
			l.is(run.Ended, 2, "second")
		}
		return err
	})
	if resp, body, err := get(t, base+query(string(known), "stderr")); err != nil || resp.StatusCode != http.StatusOK || body != "first stderr true\nseatrial: attempt 2\nsecond stderr true\n" {
		t.Errorf("%s %q, %v", resp.Status, body, err)
	}
}

func TestALocalReaderThatGoesAwayIsForgotten(t *testing.T) {
	l := &local{dir: t.TempDir()}
	l.is(run.Running, 1, "")
	l.write(t, 1, "one\n")
	ctx, away := context.WithCancel(t.Context())
	resp := open(t, ctx, http.MethodGet, l.serve(t, nil)+query(string(known), "stdout"))
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	away() // goleak sees to the rest
}

func TestAReaderIsToldWhenTheServerEnds(t *testing.T) {
	l := &local{dir: t.TempDir()}
	l.is(run.Running, 1, "")
	l.write(t, 1, "one\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	returned := make(chan error)
	go func() {
		returned <- httpserver.New(httpserver.Config{Handler: New(nil, l.open, l, slog.New(slog.DiscardHandler))}).Serve(ctx, listener)
	}()
	resp := open(t, t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/build?"+query(string(known), "stdout"))
	lines := bufio.NewReader(resp.Body)
	if first, err := lines.ReadString('\n'); err != nil || first != "one\n" {
		t.Fatalf("got %q, %v", first, err)
	}
	end()
	if rest, err := io.ReadAll(lines); err == nil || !strings.Contains(string(rest), "the server is ending") {
		t.Errorf("then %q, %v", rest, err)
	}
	if err := <-returned; err != nil {
		t.Error(err)
	}
}
