package process

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
)

func TestBuildsReachPublicAddressesOnly(t *testing.T) {
	own := map[netip.Addr]bool{netip.MustParseAddr("9.9.9.9"): true}
	for address, want := range map[string]bool{
		"1.1.1.1": true, "151.101.1.6": true, "2606:4700::1111": true,
		"127.0.0.1": false, "::1": false, "0.0.0.0": false, "::": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "fc00::1": false, "ff02::1": false,
		"9.9.9.9": false, "::ffff:9.9.9.9": false,
	} {
		if err := public(netip.MustParseAddr(address), own); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// through asks for an address through the proxy.
func through(t *testing.T, p *proxy, address string) (int, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go p.server.Serve(context.Background(), l)
	t.Cleanup(p.close)
	via := &url.URL{Scheme: "http", Host: l.Addr().String()}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableKeepAlives: true}}
	answer, err := client.Get(address)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestTheProxyRefusesThisMachine(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer inner.Close()
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	for _, address := range []string{
		inner.URL, "http://localhost:" + port, "http://x.localhost:" + port, "https://127.0.0.1:" + port, "http://[::1]:" + port,
		"http://169.254.169.254/latest/meta-data", "http://0.0.0.0:" + port, "http://127.1:" + port, "http://2130706433:" + port, "http://localhost.:" + port,
	} {
		p, told := newProxy(nil), []string{}
		p.say = func(line string) { told = append(told, line) }
		if code, said := through(t, p, address); code == http.StatusOK {
			t.Errorf("%s: %d %s", address, code, said)
		} else if code == http.StatusForbidden && (len(told) != 1 || told[0]+"\n" != said) {
			t.Errorf("%s: told %q, answered %q", address, told, said)
		}
	}
}

func TestTheProxyGoesThroughTheOperatorsOwn(t *testing.T) {
	var asked []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String()+r.Host)
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		io.WriteString(w, "from upstream")
	}))
	defer upstream.Close()
	via, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	if code, said := through(t, newProxy(http.ProxyURL(via)), "http://1.1.1.1/file"); code != 200 || said != "from upstream" {
		t.Errorf("%d %s (upstream was asked %q)", code, said, asked)
	}
	if code, _ := through(t, newProxy(http.ProxyURL(via)), "https://1.1.1.1/file"); code != 0 || len(asked) != 2 {
		t.Errorf("%d, asked %q", code, asked)
	}
	if code, said := through(t, newProxy(http.ProxyURL(via)), upstream.URL); code == 200 {
		t.Errorf("the upstream itself can be reached: %s", said)
	}
}
