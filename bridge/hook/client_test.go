package hook_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/hook"
)

func forged(addr string, forwarded ...string) *http.Request {
	r := unsigned("git", "X-Gitea-Signature", "X-Hub-Signature-256", "X-Hub-Signature")
	r.RemoteAddr = addr
	for _, hop := range forwarded {
		r.Header.Add("X-Forwarded-For", hop)
	}
	return r
}

func TestAnAddressThatSendsForgeriesIsNotReadForAWhile(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLab(t, func(c *hook.Config) { c.Failures, c.FailuresRate, c.Now = 3, 0.1, func() time.Time { return now } })
	count := func(want int, addr string) {
		t.Helper()
		status, line := l.send(t, forged(addr))
		if status != want {
			t.Errorf("%s from %s, want %d", line, addr, want)
		}
		if status == http.StatusTooManyRequests && !strings.Contains(line, "[Retry-After: 10]") {
			t.Error(line)
		}
	}
	for range 3 {
		count(401, "192.0.2.66:1")
	}
	l.lines()
	for range 5 {
		count(429, "192.0.2.66:2")
	}
	if n := strings.Count(l.lines(), "result=limited"); n != 1 {
		t.Errorf("that was logged %d times", n)
	}
	count(401, "192.0.2.67:1") // its neighbour has its own account
	for range 3 {
		count(401, "[2001:db8::1]:1")
	}
	count(429, "[2001:db8::ffff]:1") // of the same network
	now = now.Add(10 * time.Second)
	l.lines()
	count(401, "192.0.2.66:1")
	count(429, "192.0.2.66:1")
	if n := strings.Count(l.lines(), "result=limited"); n != 0 {
		t.Error("it went on, and was logged again")
	}
	now = now.Add(time.Hour)
	for range 3 {
		count(401, "192.0.2.66:1")
	}
	count(429, "192.0.2.66:1")
	if n := strings.Count(l.lines(), "result=limited"); n != 1 {
		t.Errorf("it began anew, and was logged %d times", n)
	}
}

func TestHooksThatAreRightAreNeverLimited(t *testing.T) {
	l := newLab(t, func(c *hook.Config) { c.Failures = 1 })
	for range 1000 {
		if status, line := l.send(t, request("git", "issue_comment", []byte(created))); status != http.StatusAccepted {
			t.Fatal(line)
		}
	}
}

var trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
