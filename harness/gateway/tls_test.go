package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"seatrial/harness/gateway"
	"seatrial/harness/gateway/gatewaytest"
)

// certified loads a fresh certificate for *.ci.test.
func certified(t *testing.T) (cert *gateway.Certificate, dir string) {
	t.Helper()
	dir = t.TempDir()
	certFile, keyFile := gatewaytest.Certificate(t, dir, time.Hour, "*.ci.test")
	cert, err := gateway.LoadCertificate(certFile, keyFile, "ci.test", quiet)
	if err != nil {
		t.Fatal(err)
	}
	return cert, dir
}

// echo is an app that says how it was reached.
func echo(t *testing.T) gateway.Dial {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s by %s", r.Host, r.Header.Get("X-Forwarded-Proto"))
	}))
	t.Cleanup(server.Close)
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
}

func secured(t *testing.T, cert *gateway.Certificate) *gateway.Gateway {
	t.Helper()
	g, err := gateway.ListenTLS(gateway.FreeLoopback, host, echo(t), cert, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func TestAGatewaySpeaksTLSWithItsCertificate(t *testing.T) {
	cert, _ := certified(t)
	g := secured(t, cert)
	if g.Scheme() != "https" {
		t.Errorf("it says that it speaks %s", g.Scheme())
	}
	status, body := get(t, g.Client(), "https://"+host+":8443/")
	if want := host + ":8443 by https"; status != 200 || body != want {
		t.Errorf("got %d %q, want %q", status, body, want)
	}
	// Who does not know the certificate does not trust it.
	stranger := gateway.SecureClient(g.Addr(), host, x509.NewCertPool)
	if _, err := stranger.Get("https://" + host + "/"); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("got %v", err)
	}
	router := gateway.NewRouter("ci.test", cert, quiet)
	router.Set("gues-0a1b2c", "https://"+g.Addr())
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest("GET", "https://"+host+"/", nil))
	if want := host + " by https"; w.Code != 200 || w.Body.String() != want {
		t.Errorf("through the router: %d %q", w.Code, w.Body)
	}
}

func TestAChangedCertificateIsReadAgainAndABrokenOneIsNot(t *testing.T) {
	cert, dir := certified(t)
	g := secured(t, cert)
	serial := func() string {
		t.Helper()
		dial := func() (*tls.Conn, error) {
			return tls.Dial("tcp", g.Addr(), &tls.Config{ServerName: host, RootCAs: cert.Roots()})
		}
		conn, err := dial()
		if err != nil { // between the roots and the handshake the certificate may have changed
			conn, err = dial()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	await := func(why string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(why)
			}
		}
	}
	open, err := tls.Dial("tcp", g.Addr(), &tls.Config{ServerName: host, RootCAs: cert.Roots()})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	first := serial()
	certFile, _ := gatewaytest.Certificate(t, dir, time.Hour, "*.ci.test")
	await("the new certificate is not used", func() bool { return serial() != first })
	second := serial()

	for what, spoil := range map[string]func(){
		"no certificate":    func() { os.WriteFile(certFile, []byte("x"), 0o600) },
		"ended":             func() { gatewaytest.Certificate(t, dir, -time.Minute, "*.ci.test") },
		"of another domain": func() { gatewaytest.Certificate(t, dir, time.Hour, "*.other.test") },
		"gone":              func() { os.Remove(certFile) },
	} {
		spoil()
		for range 3 {
			time.Sleep(400 * time.Millisecond)
			if serial() != second {
				t.Errorf("%s: another certificate is used", what)
			}
		}
	}
	gatewaytest.Certificate(t, dir, time.Hour, "*.ci.test")
	await("a good certificate after a broken one is not used", func() bool { return serial() != second })

	// What was open all the while still is.
	fmt.Fprintf(open, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host)
	answer := make([]byte, 12)
	if _, err := open.Read(answer); err != nil || string(answer) != "HTTP/1.0 200" {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestACertificateThatCannotServeIsRefused(t *testing.T) {
	for want, made := range map[string]struct {
		lasts time.Duration
		name  string
	}{"it ended at": {-time.Minute, "*.ci.test"}, "it must be for *.ci.test": {time.Hour, "ci.test"}, "it begins at": {5 * time.Hour, "*.ci.test"}} {
		certFile, keyFile := gatewaytest.Certificate(t, t.TempDir(), made.lasts, made.name)
		if _, err := gateway.LoadCertificate(certFile, keyFile, "ci.test", quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// A proxy in front has ended TLS; the app must hear of it from the run's own client, too.
func TestAPlainGatewayIsToldOfAnAddressInHTTPS(t *testing.T) {
	g, err := gateway.Listen(gateway.FreeLoopback, host, echo(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if status, body := get(t, g.Client(), "https://"+host+"/"); status != 200 || body != host+" by https" {
		t.Errorf("got %d %q", status, body)
	}
	if status, body := get(t, g.Client(), "http://"+host+"/"); status != 200 || body != host+" by http" {
		t.Errorf("got %d %q", status, body)
	}
}

// The stand-in for Traefik leads by host name, over TLS with the certificate of the
// domain.
func TestAProxyOfTheHostDoesAGatewaysWork(t *testing.T) {
	cert, _ := certified(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "app at "+r.Host) }))
	defer app.Close()
	to, _ := url.Parse(app.URL)
	asked := ""
	traefik := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			asked = r.TLS.ServerName
		}
		if r.Host != host {
			http.NotFound(w, r)
			return
		}
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host }}).ServeHTTP(w, r)
	}))
	traefik.TLS = cert.TLS()
	traefik.StartTLS()
	defer traefik.Close()
	addr := traefik.Listener.Addr().String()

	front, err := gateway.Behind(addr, host, true, cert)
	if err != nil {
		t.Fatal(err)
	}
	if front.Addr() != addr || front.Scheme() != "https" {
		t.Errorf("%s, %s", front.Addr(), front.Scheme())
	}
	if status, body := get(t, front.Client(), "https://"+host+"/"); status != 200 || body != "app at "+host || asked != host {
		t.Errorf("got %d %q, by the name %q", status, body, asked)
	}
	if _, err := front.Client().Get("https://elsewhere.example/"); err == nil || !strings.Contains(err.Error(), "refused to leave") {
		t.Errorf("the client left: %v", err)
	}
	if _, err := gateway.Behind("443", host, true, cert); err == nil {
		t.Error("an address without a host was taken")
	}

	plain := httptest.NewServer(traefik.Config.Handler)
	defer plain.Close()
	front, err = gateway.Behind(plain.Listener.Addr().String(), host, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, front.Client(), "http://"+host+"/"); status != 200 || body != "app at "+host {
		t.Errorf("got %d %q", status, body)
	}
}
