package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

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
