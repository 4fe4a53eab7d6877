package callers_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"seatrial/bridge/callers"
)

func TestOnlyTrustedProxiesSayWhomTheySpeakFor(t *testing.T) {
	all, err := callers.New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote string
		hops         []string
		want         string
	}{
		{"nobody is trusted", "192.0.2.1:1", []string{"203.0.113.9"}, "192.0.2.1"},
		{"a proxy", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"two headers", "10.0.0.1:1", []string{"203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"what a stranger wrote before", "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"no address", "10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		{"nothing", "10.0.0.1:1", nil, "10.0.0.1"},
		{"4 in 6", "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"6 with a zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"all are trusted", "10.0.0.1:1", []string{"10.0.0.3"}, "10.0.0.3"},
		{"no address at all", "@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = c.remote
		for _, hop := range c.hops {
			r.Header.Add("X-Forwarded-For", hop)
		}
		if got := all.Of(r).Addr.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhatIsTurnedAwayIsForgivenAgain(t *testing.T) {
	all, err := callers.New(nil, 2, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	from := func(addr string) callers.Caller {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = addr
		return all.Of(r)
	}
	spent := func(addr string, want time.Duration, wantSaid bool) {
		t.Helper()
		if wait, said := from(addr).Spent(now); wait != want || said != wantSaid {
			t.Errorf("%s waits %v, said: %v; want %v, %v", addr, wait, said, want, wantSaid)
		}
	}
	for range 2 {
		spent("192.0.2.1:1", 0, false)
		from("192.0.2.1:2").Charge(now)
		from("[2001:db8::1]:1").Charge(now)
	}
	spent("192.0.2.1:3", 2*time.Second, false)
	spent("192.0.2.1:3", 2*time.Second, true)
	spent("[2001:db8::2]:1", 2*time.Second, false) // of the same network
	spent("192.0.2.2:1", 0, false)                 // a neighbour
	now = now.Add(2 * time.Second)
	spent("192.0.2.1:3", 0, false)
}
