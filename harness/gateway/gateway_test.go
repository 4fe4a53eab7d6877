package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"seatrial/harness/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const host = "gues-0a1b2c.ci.test"

var quiet = slog.New(slog.DiscardHandler)

// open serves an app through a gateway.
func open(t *testing.T, app http.Handler) *gateway.Gateway {
	t.Helper()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	return listen(t, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", server.Listener.Addr().String())
	})
}

func listen(t *testing.T, dial gateway.Dial) *gateway.Gateway {
	t.Helper()
	g, err := gateway.Listen(gateway.FreeLoopback, host, dial, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestTheAppSeesItsOwnHostNameAndHowItWasReached(t *testing.T) {
	g := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s", r.Host, r.URL, r.Header.Get("X-Forwarded-Host"), r.Header.Get("X-Forwarded-Proto"))
	}))
	status, body := get(t, g.Client(), "http://"+host+":8080/a%2Fb?q=1;2")
	if want := host + ":8080 /a%2Fb?q=1;2 " + host + ":8080 http"; status != 200 || body != want {
		t.Fatalf("got %d %q, want %q", status, body, want)
	}
}

func TestOtherHostNamesAreRefused(t *testing.T) {
	g := open(t, http.NotFoundHandler())
	req, _ := http.NewRequest("GET", "http://"+g.Addr()+"/", nil)
	req.Host = "other.ci.test"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != 404 || resp.Header.Get(gateway.RefusedHeader) == "" {
		t.Fatalf("got %d", resp.StatusCode)
	}
	if _, err := g.Client().Get("http://elsewhere.example/"); err == nil || !strings.Contains(err.Error(), "refused to leave") {
		t.Fatalf("the client left: %v", err)
	}
}

func TestADeadAppIsABadGateway(t *testing.T) {
	g := listen(t, func(context.Context) (net.Conn, error) { return nil, errors.New("nobody there") })
	if status, body := get(t, g.Client(), "http://"+host+"/"); status != 502 || strings.Contains(body, "nobody there") {
		t.Fatalf("got %d %q", status, body)
	}
}

func TestProtocolsCanBeUpgraded(t *testing.T) {
	g := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(conn, "echo "+line)
	}))
	conn, err := net.Dial("tcp", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", host)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	fmt.Fprint(conn, "hello\n")
	if line, _ := in.ReadString('\n'); line != "echo hello\n" {
		t.Fatalf("got %q", line)
	}
}

func TestRouter(t *testing.T) {
	g := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "app at "+r.Host) }))
	router := gateway.NewRouter("ci.test", nil, quiet)
	ask := func(host string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://"+host+"/", nil)
		router.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, _ := ask(host); code != 404 {
		t.Fatalf("an unknown label: %d", code)
	}
	router.Set("gues-0a1b2c", g.Addr())
	if code, body := ask(host + ":8443"); code != 200 || body != "app at "+host+":8443" {
		t.Fatalf("got %d %q", code, body)
	}
	router.Remove("gues-0a1b2c")
	if code, _ := ask(host); code != 404 {
		t.Fatalf("a removed label: %d", code)
	}
	for host, owned := range map[string]bool{"a.ci.test": true, "A.CI.TEST:80": true, "ci.test": false, "other.test": false} {
		if router.Owns(host) != owned {
			t.Errorf("Owns(%s) = %v", host, !owned)
		}
	}
}
