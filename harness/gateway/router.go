package gateway

import (
	"log/slog"
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
	addrs map[string]string
}

// NewRouter returns a router for the labels below a domain.
func NewRouter(domain string, log *slog.Logger) *Router {
	r := &Router{domain: strings.ToLower(domain), addrs: map[string]string{}}
	r.transport = &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	r.proxy = &httputil.ReverseProxy{
		Rewrite:      forward(func(req *http.Request) string { addr, _ := r.find(req.Host); return addr }),
		Transport:    r.transport,
		ErrorHandler: notAnswering,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return r
}

// Set leads a label to a gateway's address.
func (r *Router) Set(label, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs[label] = addr
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

func (r *Router) find(host string) (addr string, ok bool) {
	label, _ := strings.CutSuffix(hostname(host), "."+r.domain)
	r.mu.RLock()
	defer r.mu.RUnlock()
	addr, ok = r.addrs[label]
	return addr, ok
}

// ServeHTTP leads a request to its run's gateway.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if _, ok := r.find(req.Host); !ok {
		refuse(w, http.StatusNotFound, "There is no app under this name. Apps are there only while their run lasts.")
		return
	}
	r.proxy.ServeHTTP(w, req)
}
