// Package gateway leads <label>.<domain> to an app.
//
// Each run has a Gateway of its own: it knows one host name, and how to dial one
// app, which may live in a network of its own. A Router stands in front of several
// of them. Outside stands for a proxy of the host that does a Gateway's work. None decides anything about a run, keeps anything, or changes what
// passes but for the headers that tell an app how it was reached.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"seatrial/internal/httpserver"
)

// Dial reaches the app.
type Dial func(ctx context.Context) (net.Conn, error)

// RefusedHeader is set on an answer that is the gateway's own and not the app's.
const RefusedHeader = "X-Seatrial-Gateway"

// Gateway serves one app under one host name.
type Gateway struct {
	host     string
	listener net.Listener
	server   *httpserver.Server
	app      *http.Transport
	cert     *Certificate // nil: it speaks plain HTTP
}

// FreeLoopback is an address for Listen that only this machine reaches.
const FreeLoopback = "127.0.0.1:0"

// Listen opens a gateway at an address for a host name (without a port). It serves
// until Close.
func Listen(at, host string, dial Dial, log *slog.Logger) (*Gateway, error) {
	return ListenTLS(at, host, dial, nil, log)
}

// ListenTLS opens a gateway that speaks TLS with the certificate. Without one it speaks
// plain HTTP.
func ListenTLS(at, host string, dial Dial, cert *Certificate, log *slog.Logger) (*Gateway, error) {
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("cannot open a gateway for %s: %w", host, err)
	}
	g := &Gateway{host: strings.ToLower(host), listener: listener, cert: cert}
	// No address but the app's is ever dialled, whatever a request names.
	g.app = &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableCompression: true,
		// Every request its own connection: an app that was replaced meanwhile must not
		// be reached through one that is left from the app before it.
		DisableKeepAlives: true,
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      forward(func(*http.Request) (string, string) { return schemeHTTP, "app" }),
		Transport:    g.app,
		ErrorHandler: notAnswering,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	config := httpserver.Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hostname(r.Host) != g.host {
				refuse(w, http.StatusNotFound, "There is no app under this name.")
				return
			}
			proxy.ServeHTTP(w, r)
		}),
		MaxPerAddress: httpserver.AnyNumber, // nearly all come from a Router, which speaks for everybody
		Log:           log,
	}
	if cert != nil {
		config.TLS = cert.TLS()
	}
	g.server = httpserver.New(config)
	go func() {
		if err := g.server.Serve(context.Background(), listener); err != nil {
			log.Error("a gateway is gone", "host", host, "err", err)
		}
	}()
	return g, nil
}

// Addr is where it listens: host:port.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Scheme is what it speaks there: http or https.
func (g *Gateway) Scheme() string {
	if g.cert != nil {
		return schemeHTTPS
	}
	return schemeHTTP
}

// Client reaches the app through the gateway: any URL with the gateway's host
// name, whatever the machine's resolver says about that name.
func (g *Gateway) Client() *http.Client {
	if g.cert != nil {
		return SecureClient(g.Addr(), g.host, g.cert.Roots)
	}
	return Client(g.Addr(), g.host)
}

// Close stops serving and cuts what is open.
func (g *Gateway) Close() error {
	err := g.server.Close()
	g.app.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("cannot close the gateway of %s: %w", g.host, err)
	}
	return nil
}

// forward sends a request on with its host name kept, and tells the app how it
// was reached.
func forward(to func(*http.Request) (scheme, host string)) func(*httputil.ProxyRequest) {
	return func(p *httputil.ProxyRequest) {
		scheme, host := to(p.In)
		p.SetURL(&url.URL{Scheme: scheme, Host: host})
		p.Out.Host = p.In.Host
		// What a query means is the app's business.
		p.Out.URL.RawQuery = p.In.URL.RawQuery
		if before, ok := p.In.Header["X-Forwarded-For"]; ok {
			p.Out.Header["X-Forwarded-For"] = before
		}
		p.SetXForwarded()
		if proto := p.In.Header.Get("X-Forwarded-Proto"); proto == "https" {
			p.Out.Header.Set("X-Forwarded-Proto", proto)
		}
	}
}

func notAnswering(w http.ResponseWriter, _ *http.Request, _ error) {
	refuse(w, http.StatusBadGateway, "The app does not answer. It is starting, stopping, or gone.")
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(RefusedHeader, "refused")
	http.Error(w, sentence, status)
}

// hostname is a Host header's name without its port, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
