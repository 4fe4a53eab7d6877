package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"seatrial/internal/httpserver"
)

const (
	proxyPort = 3128
	// reachLimit is how long a build's connection may take to come about.
	reachLimit = 30 * time.Second
	// maxRefusals is how many different refusals are told.
	maxRefusals = 20
)

// proxy is the one way out of a build's sandbox. It listens inside and connects
// from outside, to public addresses only.
type proxy struct {
	server   *httpserver.Server
	upstream func(*http.Request) (*url.URL, error)
	direct   *http.Transport
	say      func(line string) // told why something cannot be reached: many programs print only "Forbidden"

	mu    sync.Mutex
	told  map[string]bool
	conns map[net.Conn]bool // tunnels, which the server does not know any more
	ended bool
}

// startProxy listens in the given network.
func (a *App) startProxy(network *os.File) (*proxy, error) {
	var l net.Listener
	err := within(network, func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", proxyPort))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot give the build a network: %w", err)
	}
	p := newProxy(a.cfg.Proxy)
	p.say = func(line string) { a.log("build", line) }
	go p.server.Serve(context.Background(), l) // until it is closed
	return p, nil
}

func newProxy(upstream func(*http.Request) (*url.URL, error)) *proxy {
	p := &proxy{upstream: upstream, say: func(string) {}, told: map[string]bool{}, conns: map[net.Conn]bool{}}
	p.direct = &http.Transport{
		Proxy:             p.upstreamFor,
		DialContext:       p.dial,
		DisableKeepAlives: true,
	}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {},
		Transport: p.direct,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "seatrial: "+err.Error(), http.StatusBadGateway)
		},
	}
	p.server = httpserver.New(httpserver.Config{
		MaxPerAddress: httpserver.AnyNumber, // the sandbox has one
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodConnect:
				p.tunnel(w, r)
			case r.URL.Scheme == "http" && r.URL.Host != "":
				if err := p.allowed(r.Context(), r.URL.Hostname()); err != nil {
					p.refuse(w, r.URL.Host, err)
					return
				}
				forward.ServeHTTP(w, r)
			default:
				http.Error(w, "seatrial: this is a proxy", http.StatusBadRequest)
			}
		}),
	})
	return p
}

func (p *proxy) environment() []string {
	address := fmt.Sprintf("http://127.0.0.1:%d", proxyPort)
	var env []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, name+"="+address, strings.ToLower(name)+"="+address)
	}
	return append(env, "NO_PROXY=localhost,127.0.0.1,::1", "no_proxy=localhost,127.0.0.1,::1")
}

// refuse answers that a host cannot be reached, and tells it once.
func (p *proxy) refuse(w http.ResponseWriter, host string, err error) {
	line := fmt.Sprintf("seatrial: cannot reach %.200q: %v", host, err)
	p.mu.Lock()
	first := !p.told[line] && len(p.told) < maxRefusals
	if first {
		p.told[line] = true
	}
	p.mu.Unlock()
	if first {
		p.say(line)
	}
	http.Error(w, line, http.StatusForbidden)
}

func (p *proxy) close() {
	p.mu.Lock()
	p.ended = true
	for conn := range p.conns {
		conn.Close()
	}
	p.mu.Unlock()
	p.server.Close()
	p.direct.CloseIdleConnections()
}

// keep notes a connection so that close ends it.
func (p *proxy) keep(conns ...net.Conn) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = true
		if p.ended {
			conn.Close()
		}
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, conn := range conns {
			conn.Close()
			delete(p.conns, conn)
		}
	}
}

// upstreamFor asks the operator's own settings.
func (p *proxy) upstreamFor(r *http.Request) (*url.URL, error) {
	if p.upstream == nil {
		return nil, nil
	}
	return p.upstream(r)
}

// tunnel answers CONNECT.
func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), reachLimit)
	defer cancel()
	out, err := p.reach(ctx, r.URL.Host)
	if err != nil {
		p.refuse(w, r.URL.Host, err)
		return
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		out.Close()
		http.Error(w, "seatrial: cannot open a tunnel", http.StatusInternalServerError)
		return
	}
	in, buffered, err := hijacker.Hijack()
	if err != nil {
		out.Close()
		return
	}
	defer p.keep(in, out)()
	if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	pipe := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go pipe(out, buffered)
	go pipe(in, out)
	<-done
	<-done
}
