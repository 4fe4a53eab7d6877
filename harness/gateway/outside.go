package gateway

import (
	"fmt"
	"net"
	"net/http"
)

// Outside is a proxy that is not ours, like a Traefik on this host that watches the
// swarm: it leads an app's host name to the app by itself, and opens nothing for us.
type Outside struct {
	addr, host string
	secure     bool
	cert       *Certificate
}

// Behind returns what stands at an address, host:port, for a host name. secure says that
// it speaks TLS there; its certificate is held against what this machine trusts, and
// against cert, which may be nil.
func Behind(addr, host string, secure bool, cert *Certificate) (*Outside, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("cannot use the proxy at %q: write it like 127.0.0.1:443", addr)
	}
	return &Outside{addr: addr, host: host, secure: secure, cert: cert}, nil
}

// Addr is where it listens: host:port.
func (o *Outside) Addr() string { return o.addr }

// Scheme is what it speaks there: http or https.
func (o *Outside) Scheme() string {
	if o.secure {
		return schemeHTTPS
	}
	return schemeHTTP
}

// Client reaches the app through the proxy, whatever the machine's resolver says.
func (o *Outside) Client() *http.Client {
	if o.secure {
		return SecureClient(o.addr, o.host, o.cert.Roots)
	}
	return Client(o.addr, o.host)
}

// Close does nothing: the proxy is not ours.
func (o *Outside) Close() error { return nil }
