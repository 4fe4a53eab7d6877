package live

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	one = run.NewID(time.Unix(1, 0))
	two = run.NewID(time.Unix(2, 0))
)

func entry(position int, id run.ID) journal.Entry {
	return journal.Entry{Position: journal.Position(position), Event: run.Event{Run: id, Kind: run.KindProgress, Note: fmt.Sprintf("step %d\n\nevent: forged", position)}}
}

// browser reads a stream line by line.
type browser struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Scanner
}

func serve(t *testing.T, h *Hub, id run.ID) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Serve(w, r, id) }))
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, url, last string) *browser {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &browser{t, resp, bufio.NewScanner(resp.Body)}
}

// next is the next event as "name id"; empty at the stream's end.
func (b *browser) next() string {
	id, name := "", ""
	for b.in.Scan() {
		line := b.in.Text()
		switch {
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case line == "" && name != "":
			return name + " " + id
		}
	}
	return ""
}

func (b *browser) sees(want ...string) {
	b.t.Helper()
	for _, w := range want {
		if got := b.next(); got != w {
			b.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func TestStreamTellsWhatHappensInItsRunOnly(t *testing.T) {
	h := &Hub{}
	h.Open(10)
	b := open(t, serve(t, h, one).URL, "")
	b.sees("hello 10")
	h.Publish(entry(11, one))
	h.Publish(entry(12, two))
	h.Publish(entry(13, one))
	b.sees("happened 11", "happened 13")
	h.Close()
	b.sees("end ", "")
}

// pipe is a listener in memory, for one connection and a clock that is not the machine's.
type pipe chan net.Conn

func (p pipe) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipe) Close() error {
	close(p)
	return nil
}

func (p pipe) Addr() net.Addr { return &net.TCPAddr{} }

func TestStreamOutlivesTheLimitsOfItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hub{}
		h.Open(0)
		mine, its := net.Pipe()
		l := make(pipe, 1)
		l <- its
		s := http.Server{
			Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Serve(w, r, one) }),
			ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond,
		}
		go s.Serve(l)
		defer s.Close()
		if _, err := io.WriteString(mine, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(mine), nil)
		if err != nil {
			t.Fatal(err)
		}
		b := &browser{t, resp, bufio.NewScanner(resp.Body)}
		b.sees("hello 0")
		time.Sleep(150 * time.Millisecond)
		h.Publish(entry(1, one))
		b.sees("happened 1")
		h.Close()
		b.sees("end ", "")
	})
}

func TestAStreamGetsALastEventWhenTheServerEnds(t *testing.T) {
	h := &Hub{}
	h.Open(3)
	defer h.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	returned := make(chan error)
	server := httpserver.New(httpserver.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Serve(w, r, one) })})
	go func() { returned <- server.Serve(ctx, l) }()
	b := open(t, "http://"+l.Addr().String(), "")
	b.sees("hello 3")
	end()
	b.sees("end ", "")
	if err := <-returned; err != nil {
		t.Error(err)
	}
}

func TestStreamOfEverything(t *testing.T) {
	h := &Hub{}
	h.Open(0)
	b := open(t, serve(t, h, "").URL, "")
	b.sees("hello 0")
	h.Publish(entry(1, one))
	h.Publish(entry(2, two))
	h.Publish(entry(2, two)) // a repeat
	h.Publish(entry(3, two))
	b.sees("happened 1", "happened 2", "happened 3")
	h.Close()
}

func TestStreamResumes(t *testing.T) {
	h := &Hub{}
	h.Open(10)
	for i := 11; i <= 20; i++ {
		h.Publish(entry(i, map[bool]run.ID{true: one, false: two}[i%2 == 1]))
	}
	s := serve(t, h, one)
	for last, want := range map[string][]string{
		"13":       {"happened 15", "happened 17", "happened 19"},
		"10":       {"happened 11", "happened 13"},
		"20":       {"hello 20"},
		"9":        {"resync 20"}, // from before this server's time
		"-1":       {"resync 20"},
		"99":       {"resync 20"}, // of another journal
		"nonsense": {"hello 20"},
	} {
		t.Run(last, func(t *testing.T) { open(t, s.URL, last).sees(want...) })
	}
	h.Close()
}

func TestResumingReachesBackOnlySoFar(t *testing.T) {
	h := &Hub{}
	h.Open(0)
	for i := 1; i <= maxRemembered+5; i++ {
		h.Publish(entry(i, one))
	}
	defer h.Close()
	s := serve(t, h, one)
	open(t, s.URL, "4").sees(fmt.Sprintf("resync %d", maxRemembered+5))
	open(t, s.URL, "5").sees("happened 6", "happened 7")
}

func TestSlowReaderIsToldToLookAnew(t *testing.T) {
	h := &Hub{}
	h.Open(0)
	s, _, _, _ := h.subscribe(one, 0, false)
	for i := 1; i <= 3*streamBuffer; i++ {
		h.Publish(entry(i, one)) // nobody reads: this must not block
	}
	if len(s.entries) != streamBuffer || len(s.missed) != 1 {
		t.Fatalf("%d entries wait, %d misses", len(s.entries), len(s.missed))
	}
	w := httptest.NewRecorder()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out := writer{w: w, control: http.NewResponseController(w)}
		h.pump(&out, s, httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	for len(s.missed) > 0 || len(s.entries) > 0 {
		time.Sleep(time.Millisecond)
	}
	h.Close()
	<-ended
	if !strings.Contains(w.Body.String(), fmt.Sprintf("id: %d\nevent: resync", 3*streamBuffer)) {
		t.Errorf("no resync in %q", w.Body.String())
	}
}

func TestClosedHubAndTooManyStreams(t *testing.T) {
	h := &Hub{}
	s := serve(t, h, one)
	if resp := open(t, s.URL, "").resp; resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("closed: %s", resp.Status)
	}
	h.Open(0)
	defer h.Close()
	for range maxStreams {
		h.subscribe("", 0, false)
	}
	if resp := open(t, s.URL, "").resp; resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("too many: %s", resp.Status)
	}
}

func TestTextOfStrangersEndsNoField(t *testing.T) {
	h := &Hub{}
	h.Open(0)
	b := open(t, serve(t, h, one).URL, "")
	b.sees("hello 0")
	h.Publish(entry(1, one))
	h.Publish(entry(2, one))
	b.sees("happened 1", "happened 2")
	h.Close()
	b.sees("end ", "")
}
