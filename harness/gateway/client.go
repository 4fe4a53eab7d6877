package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// The schemes that something at an address speaks.
const (
	schemeHTTP  = "http"
	schemeHTTPS = "https"
)

// Client returns a client that dials addr for one host name, and nothing else. What
// listens there speaks plain HTTP: for an https address, it is told what a proxy that
// ended TLS in front of it would tell it.
func Client(addr, host string) *http.Client {
	transport := transportTo(addr, host)
	transport.DialTLSContext = transport.DialContext
	return &http.Client{Transport: forwardedHTTPS{transport}}
}

// SecureClient is a Client for what speaks TLS at addr: it is asked for the host name,
// and its certificate is held against what roots returns at that time.
func SecureClient(addr, host string, roots func() *x509.CertPool) *http.Client {
	transport := transportTo(addr, host)
	transport.DialTLSContext = dialTLS(transport.DialContext, roots)
	return &http.Client{Transport: transport}
}

func transportTo(addr, host string) *http.Transport {
	var dialer net.Dialer
	return &http.Transport{
		DialContext: func(ctx context.Context, network, asked string) (net.Conn, error) {
			if name, _, err := net.SplitHostPort(asked); err != nil || !strings.EqualFold(name, host) {
				return nil, fmt.Errorf("refused to leave %s for %s", host, asked)
			}
			return dialer.DialContext(ctx, network, addr)
		},
		DisableKeepAlives: true,
	}
}

type dialer func(ctx context.Context, network, asked string) (net.Conn, error)

// dialTLS speaks TLS over what a dialer reaches, with the name that was asked for.
func dialTLS(dial dialer, roots func() *x509.CertPool) dialer {
	return func(ctx context.Context, network, asked string) (net.Conn, error) {
		conn, err := dial(ctx, network, asked)
		if err != nil {
			return nil, err
		}
		name, _, _ := net.SplitHostPort(asked)
		over := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name, RootCAs: roots()})
		if err := over.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return over, nil
	}
}

// forwardedHTTPS tells a plain gateway that the address is https.
type forwardedHTTPS struct{ *http.Transport }

func (t forwardedHTTPS) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == schemeHTTPS {
		r = r.Clone(r.Context())
		r.Header.Set("X-Forwarded-Proto", schemeHTTPS)
	}
	return t.Transport.RoundTrip(r)
}
