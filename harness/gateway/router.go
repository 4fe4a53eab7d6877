package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
)

// Router leads requests for <label>.<domain> to the gateway of the run whose app
// has that label. It is safe for concurrent use.
type Router struct {
	domain    string
	proxy     *httputil.ReverseProxy
	transport *http.Transport

	mu    sync.RWMutex
	addrs map[string]target
}

// target is where a gateway listens, and what it speaks there.
type target struct{ scheme, addr string }

// NewRouter returns a router for the labels below a domain. Gateways that speak TLS
// must show a certificate that this machine trusts, or cert, which may be nil.
func NewRouter(domain string, cert *Certificate, log *slog.Logger) *Router {
	r := &Router{domain: strings.ToLower(domain), addrs: map[string]target{}}
	r.transport = &http.Transport{DisableCompression: true, DisableKeepAlives: true, DialContext: r.dial}
	r.transport.DialTLSContext = dialTLS(r.dial, cert.Roots)
	r.proxy = &httputil.ReverseProxy{
		// The address keeps the host name, by which a gateway's certificate is checked.
		Rewrite: forward(func(req *http.Request) (string, string) {
			to, _ := r.find(req.Host)
			return to.scheme, hostname(req.Host)
		}),
		Transport:    r.transport,
		ErrorHandler: notAnswering,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return r
}

// Set leads a label to a gateway's address: host:port, or https://host:port where it
// speaks TLS.
func (r *Router) Set(label, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to := target{schemeHTTP, addr}
	if rest, ok := strings.CutPrefix(addr, schemeHTTPS+"://"); ok {
		to = target{schemeHTTPS, rest}
	}
	r.addrs[label] = to
}

// Remove forgets a label.
func (r *Router) Remove(label string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.addrs, label)
}

// Owns says whether a Host header names something below the domain, led anywhere
// or not.
func (r *Router) Owns(host string) bool {
	label, ok := strings.CutSuffix(hostname(host), "."+r.domain)
	return ok && label != ""
}

func (r *Router) find(host string) (to target, ok bool) {
	label, _ := strings.CutSuffix(hostname(host), "."+r.domain)
	r.mu.RLock()
	defer r.mu.RUnlock()
	to, ok = r.addrs[label]
	return to, ok
}

// dial reaches the gateway of the host name in an address, and nothing else.
func (r *Router) dial(ctx context.Context, network, asked string) (net.Conn, error) {
	to, ok := r.find(asked)
	if !ok {
		return nil, fmt.Errorf("no app is led to under %s", asked)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to.addr)
}

// ServeHTTP leads a request to its run's gateway.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if _, ok := r.find(req.Host); !ok {
		refuse(w, http.StatusNotFound, "There is no app under this name. Apps are there only while their run lasts.")
		return
	}
	r.proxy.ServeHTTP(w, req)
}
