package apptest

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"

	"seatrial/harness/app"
)

// Dial implements app.Dialer. Each connection is served by the running release's
// handler, in memory.
func (f *Fake) Dial(ctx context.Context) (net.Conn, error) {
	if err := f.begin(ctx, "Dial", ""); err != nil {
		return nil, err
	}
	release, running := f.state()
	if !running {
		return nil, app.ErrNotRunning
	}
	near, far := net.Pipe()
	f.mu.Lock()
	f.conns[far] = true
	f.mu.Unlock()
	l := &oneConn{conn: far, done: make(chan struct{})}
	handler := f.handler(*release)
	go func() {
		server := &http.Server{Handler: handler, ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				l.Close()
			}
		}}
		_ = server.Serve(l) // it ends with the one connection
		f.mu.Lock()
		delete(f.conns, far)
		f.mu.Unlock()
	}()
	return near, nil
}

// hangUp closes what the app still holds open.
func (f *Fake) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		conn.Close()
	}
}

func (f *Fake) handler(r app.Release) http.Handler {
	inner := f.Releases[r.Name].Handler
	if inner == nil {
		mux := http.NewServeMux()
		mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, r.Name) })
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
		inner = mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		thawed := f.thawed
		f.mu.Unlock()
		select {
		case <-thawed:
			inner.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}

// oneConn is a listener for one connection that exists already.
type oneConn struct {
	mu   sync.Mutex
	conn net.Conn
	once sync.Once
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	conn := l.conn
	l.conn = nil
	l.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "fake", Net: "unix"} }
