// Package httpserver makes every HTTP server of this program.
//
// A server bounds what one client can hold: the time for headers and between requests,
// the size of headers, the number of connections in all and of one address. A connection
// too many takes the place of the one on which nothing was answered for longest, so idle
// clients never keep others out; only where every connection has an answer under way is
// the new one closed.
//
// A server ends well: requests that are being answered keep their context until they are
// done or the grace is over, and Serve returns after the last of them, so that what they
// need may be closed then. Streams learn of the end from UntilEnd.
//
// It limits no rates, no bodies, and not the time of an answer: handlers do.
package httpserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	// headerTimeout is generous: phones on trains are slow, and a slow client costs others nothing.
	headerTimeout = 30 * time.Second
	// idleTimeout is longer than browsers and proxies pause between two requests of one visit.
	idleTimeout = 2 * time.Minute
	// maxHeaderBytes is twice what common proxies let through.
	maxHeaderBytes = 64 << 10
	// Grace is how long requests may still take when the server ends. Docker kills after
	// 10 s, and the database has to be closed before that.
	Grace = 5 * time.Second
	// cutGrace is how long a handler may take to notice that its request was cut.
	cutGrace = time.Second
)

// AnyNumber means no bound.
const AnyNumber = math.MaxInt

// Config is what a server needs. Handler is; the rest may be left out.
type Config struct {
	Handler http.Handler
	TLS     *tls.Config // nil: plain HTTP is spoken
	// MaxConnections bounds the connections in all; 0: what the limit of open files bears.
	MaxConnections int
	// MaxPerAddress bounds those of one address, or of one /64 of IPv6; 0: a quarter of
	// all. AnyNumber is for a server whose clients all come from one address.
	MaxPerAddress int
	// TrustedProxies speak for many clients: their connections are bounded in all only.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
}

// Server is an HTTP server that serves one listener once.
type Server struct {
	http        http.Server
	connections *connections
	log         *slog.Logger
}

// New makes a server.
func New(c Config) *Server {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	s := &Server{connections: newConnections(c), log: c.Log}
	s.http = http.Server{
		Handler:           s.connections.counted(c.Handler),
		TLSConfig:         c.TLS,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		ConnContext:       s.connections.begin,
		ConnState:         s.connections.changed,
	}
	return s
}

// Serve answers requests until the context ends, and then for at most Grace those that are
// under way: it returns when no handler runs any more. After Close it returns at once. An
// error means that it could not accept connections.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	base = context.WithValue(base, endKey{}, ctx)
	s.http.BaseContext = func(net.Listener) context.Context { return base }
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		s.end(base, cut)
	})
	serve := s.http.Serve
	if s.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	err := serve(l)
	if !stop() {
		<-ended
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

// end lets requests finish, and cuts those that do not.
func (s *Server) end(base context.Context, cut context.CancelFunc) {
	grace, cancel := context.WithTimeout(base, Grace)
	defer cancel()
	s.connections.end()
	err := s.http.Shutdown(grace)
	// Shutdown knows nothing of handlers that took a connection over.
	if err = errors.Join(err, s.connections.wait(grace)); err == nil {
		return
	}
	s.log.Warn("requests that did not end in time were cut", "requests", s.connections.answering(), "after", Grace)
	s.Close() // first, so that what handlers still say when they are cut reaches nobody
	cut()
	left, cancelLeft := context.WithTimeout(context.WithoutCancel(base), cutGrace)
	defer cancelLeft()
	if s.connections.wait(left) != nil {
		s.log.Error("requests go on although they were cut", "requests", s.connections.answering())
	}
}

// Close stops at once and cuts what is open. Serve need not have been called.
func (s *Server) Close() error {
	err := s.http.Close()
	s.connections.closeAll() // also those that a handler took over
	return err
}
