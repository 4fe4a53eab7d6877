package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(crowdedServer) != "" {
		serveCrowd()
		return
	}
	goleak.VerifyTestMain(m)
}

// pipes is a listener in memory, for a clock that is not the machine's.
type pipes struct {
	coming chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.coming:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// lab is a server on pipes that is told when to end.
type lab struct {
	t        *testing.T
	pipes    pipes
	end      context.CancelFunc
	returned chan error
	began    time.Time
}

func newLab(t *testing.T, h http.HandlerFunc) *lab {
	l := &lab{t: t, pipes: pipes{make(chan net.Conn), make(chan struct{})}, returned: make(chan error, 1), began: time.Now()}
	var ctx context.Context
	ctx, l.end = context.WithCancel(t.Context())
	go func() { l.returned <- New(Config{Handler: h}).Serve(ctx, l.pipes) }()
	return l
}

// ask opens a connection and sends what is written on it.
func (l *lab) ask(text string) (net.Conn, *bufio.Reader) {
	l.t.Helper()
	mine, its := net.Pipe()
	l.pipes.coming <- its
	if text != "" {
		if _, err := io.WriteString(mine, text); err != nil {
			l.t.Fatal(err)
		}
	}
	l.t.Cleanup(func() { mine.Close() })
	return mine, bufio.NewReader(mine)
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// answer reads an answer's whole body.
func (l *lab) answer(from *bufio.Reader) (status int, body string, err error) {
	l.t.Helper()
	resp, err := http.ReadResponse(from, nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// wantReturn is that Serve returns without an error after so long.
func (l *lab) wantReturn(after time.Duration) {
	l.t.Helper()
	if err := <-l.returned; err != nil {
		l.t.Error(err)
	}
	if took := time.Since(l.began); took < after || took > after+time.Second {
		l.t.Errorf("it returned after %v; want %v", took, after)
	}
}

func TestARequestUnderWayAtTheEndGetsItsWholeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := make(chan struct{})
		l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
			close(under)
			time.Sleep(3 * time.Second) // of the test's clock
			fmt.Fprint(w, "whole ", r.Context().Err())
		})
		_, from := l.ask(get)
		<-under
		l.end()
		if status, body, err := l.answer(from); status != 200 || body != "whole <nil>" || err != nil {
			t.Errorf("%d %q %v", status, body, err)
		}
		l.wantReturn(3 * time.Second)
	})
}

func TestAStreamGetsItsLastEventAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := make(chan struct{})
		l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := UntilEnd(r.Context())
			defer cancel()
			close(under)
			<-ctx.Done()
			fmt.Fprint(w, "last ", Ending(ctx), r.Context().Err())
		})
		_, from := l.ask(get)
		<-under
		l.end()
		if _, body, err := l.answer(from); body != "last true <nil>" || err != nil {
			t.Errorf("%q %v", body, err)
		}
		l.wantReturn(0)
	})
}

func TestAStreamEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan bool, 1)
		l := newLab(t, func(_ http.ResponseWriter, r *http.Request) {
			ctx, cancel := UntilEnd(r.Context())
			defer cancel()
			<-ctx.Done()
			gone <- !Ending(ctx)
		})
		conn, _ := l.ask(get)
		conn.Close()
		if !<-gone {
			t.Error("a reader who left is taken for the server's end")
		}
		l.end()
		l.wantReturn(0)
	})
}

func TestAHangingRequestIsCutAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := make(chan struct{})
		done := false
		l := newLab(t, func(_ http.ResponseWriter, r *http.Request) {
			close(under)
			<-r.Context().Done()
			done = true
		})
		_, from := l.ask(get)
		<-under
		l.end()
		if _, _, err := l.answer(from); err == nil {
			t.Error("it was answered")
		}
		l.wantReturn(Grace)
		if !done {
			t.Error("Serve returned before the handler")
		}
	})
}

func TestAHandlerThatHeedsNothingDoesNotHoldTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under, release := make(chan struct{}), make(chan struct{})
		l := newLab(t, func(http.ResponseWriter, *http.Request) {
			close(under)
			<-release
		})
		l.ask(get)
		<-under
		l.end()
		l.wantReturn(Grace + cutGrace)
		close(release)
	})
}

func TestAConnectionThatAHandlerTookOverIsCutAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := make(chan struct{})
		l := newLab(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			close(under)
			_, _ = io.Copy(io.Discard, conn) // until it is cut
		})
		_, from := l.ask(get)
		<-under
		l.end()
		if _, err := from.ReadByte(); err == nil {
			t.Error("something came")
		}
		l.wantReturn(Grace)
	})
}

func TestNothingButAnswersHoldsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, func(http.ResponseWriter, *http.Request) {})
		l.ask("") // as browsers open them in advance
		_, from := l.ask(get)
		if status, _, err := l.answer(from); status != 200 || err != nil {
			t.Error(status, err)
		}
		synctest.Wait()
		l.end()
		l.wantReturn(0)
	})
}

func TestWhoIsSlowOrIdleIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		after time.Duration
	}{
		"nothing":    {"", headerTimeout},
		"a letter":   {"G", headerTimeout},
		"one header": {"GET / HTTP/1.1\r\nHost: a\r\n", headerTimeout},
		"idle":       {get, idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, func(http.ResponseWriter, *http.Request) {})
				conn, from := l.ask(c.text)
				if c.text == get {
					l.answer(from)
				}
				_, _ = io.Copy(io.Discard, conn) // until it is closed
				if took := time.Since(l.began); took != c.after {
					t.Errorf("left after %v, want %v", took, c.after)
				}
				l.end()
				l.wantReturn(c.after)
			})
		})
	}
}

func TestGiantHeadersAreTurnedAway(t *testing.T) {
	for size, want := range map[int]int{maxHeaderBytes / 2: 200, 2 * maxHeaderBytes: 431} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, func(http.ResponseWriter, *http.Request) {})
			conn, from := l.ask("")
			go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nCookie: "+strings.Repeat("x", size)+"\r\n\r\n")
			if status, _, err := l.answer(from); status != want {
				t.Errorf("%d bytes: %d %v, want %d", size, status, err, want)
			}
			l.end()
			l.wantReturn(0)
		})
	}
}
