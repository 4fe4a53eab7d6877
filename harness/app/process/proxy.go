package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"net/http/httputil"
)

const (
	proxyPort = 3128
	// reachLimit is how long a build's connection may take to come about.
	reachLimit = 30 * time.Second
)

// proxy is the one way out of a build's sandbox. It listens inside and connects
// from outside, to public addresses only.
type proxy struct {
	server   *http.Server
	upstream func(*http.Request) (*url.URL, error)
	direct   *http.Transport

	mu    sync.Mutex
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
	go p.server.Serve(l)
	return p, nil
}

func newProxy(upstream func(*http.Request) (*url.URL, error)) *proxy {
	p := &proxy{upstream: upstream, conns: map[net.Conn]bool{}}
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
	p.server = &http.Server{
		ReadHeaderTimeout: reachLimit,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodConnect:
				p.tunnel(w, r)
			case r.URL.Scheme == "http" && r.URL.Host != "":
				if err := p.allowed(r.Context(), r.URL.Hostname()); err != nil {
					http.Error(w, "seatrial: "+err.Error(), http.StatusForbidden)
					return
				}
				forward.ServeHTTP(w, r)
			default:
				http.Error(w, "seatrial: this is a proxy", http.StatusBadRequest)
			}
		}),
	}
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
		http.Error(w, "seatrial: "+err.Error(), http.StatusForbidden)
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

// reach connects to a host:port, through the operator's own proxy where there is one.
func (p *proxy) reach(ctx context.Context, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %q: it is not a host and a port", address)
	}
	if err := p.allowed(ctx, host); err != nil {
		return nil, err
	}
	via, err := p.upstreamFor(&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: address}})
	if err != nil {
		return nil, err
	}
	if via == nil {
		return p.dialPublic(ctx, "tcp", address)
	}
	return connectVia(ctx, via, address)
}

// dial is the transport's: to the operator's proxy, which may be anywhere, or to
// a public address.
func (p *proxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if via, err := p.upstreamFor(&http.Request{URL: &url.URL{Scheme: "http", Host: "upstream.invalid"}}); err == nil && via != nil && hostPort(via) == address {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return p.dialPublic(ctx, network, address)
}

// dialPublic looks at the very address that is connected to, so that a name that
// changes its address in between gains nothing.
func (p *proxy) dialPublic(ctx context.Context, network, address string) (net.Conn, error) {
	own := ownAddresses()
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return public(to.Addr(), own)
	}}
	return d.DialContext(ctx, network, address)
}

// allowed refuses a host that is, or is called like, one of ours. A name that
// cannot be resolved here is left to the operator's proxy.
func (p *proxy) allowed(ctx context.Context, host string) error {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return fmt.Errorf("a build may not reach %s: it is this machine", host)
	}
	own := ownAddresses()
	if ip, err := netip.ParseAddr(name); err == nil {
		return public(ip, own)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil // without a proxy of the operator's, dialling fails for the same reason
	}
	for _, ip := range ips {
		if err := public(ip, own); err != nil {
			return err
		}
	}
	return nil
}

// Ranges that netip has no word for: shared address space of carriers, networks
// for documentation and measurements, old or translated address space, and the rest.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
}

// public refuses every address that is not one of the public internet's, and this
// machine's own.
func public(ip netip.Addr, own map[netip.Addr]bool) error {
	ip = ip.Unmap().WithZone("")
	refused := !ip.IsGlobalUnicast() || ip.IsPrivate() || own[ip]
	for _, prefix := range notPublic {
		refused = refused || prefix.Contains(ip)
	}
	if refused {
		return fmt.Errorf("a build may not reach %s: only public addresses can be reached", ip)
	}
	return nil
}

func ownAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return own
	}
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			own[prefix.Addr().Unmap().WithZone("")] = true
		}
	}
	return own
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// connectVia opens a tunnel through the operator's proxy.
func connectVia(ctx context.Context, via *url.URL, address string) (net.Conn, error) {
	if via.Scheme != "http" {
		return nil, fmt.Errorf("cannot reach %s: the proxy %s is not an http one", address, via.Redacted())
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", hostPort(via))
	if err != nil {
		return nil, fmt.Errorf("cannot reach the proxy: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if via.User != nil {
		password, _ := via.User.Password()
		plain := &http.Request{Header: http.Header{}}
		plain.SetBasicAuth(via.User.Username(), password)
		ask.Header.Set("Proxy-Authorization", plain.Header.Get("Authorization"))
	}
	in := bufio.NewReader(conn)
	answer, err := func() (*http.Response, error) {
		if err := ask.Write(conn); err != nil {
			return nil, err
		}
		return http.ReadResponse(in, ask)
	}()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot reach the proxy: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		conn.Close()
		return nil, fmt.Errorf("the proxy refuses %s: %s", address, answer.Status)
	}
	if in.Buffered() > 0 {
		conn.Close()
		return nil, errors.New("the proxy spoke before it was asked")
	}
	return conn, conn.SetDeadline(time.Time{})
}
