package server

import (
	"context"
	"net/http"

	"seatrial/internal/httpserver"
)

// serveHTTP leads an app's host name to the app, webhooks to their receiver, and everything
// else to the dashboard. It returns after the last request, for which the journal must be open.
func (sv *Server) serveHTTP(ctx context.Context) error {
	config := httpserver.Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case sv.router.Owns(r.Host):
				sv.router.ServeHTTP(w, r)
			case sv.hooks != nil && sv.hooks.Owns(r):
				sv.hooks.ServeHTTP(w, r)
			case sv.api.Owns(r): // whose addresses look like those of hooks
				sv.api.ServeHTTP(w, r)
			default:
				sv.dashboard.ServeHTTP(w, r)
			}
		}),
		TrustedProxies: sv.TrustedProxies,
		Log:            sv.Log,
	}
	if sv.cert != nil {
		config.TLS = sv.cert.TLS()
	}
	return httpserver.New(config).Serve(ctx, sv.listener)
}
