package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// shutdownGrace is for requests that are being answered.
const shutdownGrace = 5 * time.Second

// serveHTTP leads an app's host name to the app, webhooks to their receiver, and everything
// else to the dashboard.
func (sv *Server) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case sv.router.Owns(r.Host):
				sv.router.ServeHTTP(w, r)
			case sv.hooks != nil && sv.hooks.Owns(r):
				sv.hooks.ServeHTTP(w, r)
			case sv.front.Owns(r): // whose addresses look like those of hooks
				sv.front.ServeHTTP(w, r)
			default:
				sv.dashboard.ServeHTTP(w, r)
			}
		}),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(sv.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer stop()
	serve := server.Serve
	if sv.cert != nil {
		server.TLSConfig = sv.cert.TLS()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(sv.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}
