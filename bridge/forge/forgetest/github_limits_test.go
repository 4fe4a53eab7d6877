package forgetest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
)

func TestGitHubLimitsAreSaidInItsWays(t *testing.T) {
	g := newGitHub(t)
	for _, c := range []struct {
		kind   forgetest.Kind
		status int
		retry  string
		left   string
		says   string
	}{
		{forgetest.Secondary, 403, "60", "5000", "secondary rate limit"},
		{forgetest.SecondaryBare, 403, "", "5000", "secondary rate limit"},
		{forgetest.TooMany, 429, "60", "5000", "secondary rate limit"},
		{forgetest.Exhausted, 403, "", "0", "API rate limit exceeded"},
		{forgetest.Withheld, 403, "", "5000", "not accessible by personal access token"},
		{forgetest.Missing, 404, "", "5000", "Not Found"},
		{forgetest.Revoked, 401, "", "5000", "Bad credentials"},
	} {
		g.Fail(forgetest.Failure{Kind: c.kind, Times: 1})
		got := g.get("/user")
		if got.status != c.status || got.header.Get("Retry-After") != c.retry || got.header.Get("X-RateLimit-Remaining") != c.left || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %+v", c.kind, got)
		}
	}
	g.Forgive()
	g.SetClock(2 * time.Hour)
	g.Fail(forgetest.Failure{Kind: forgetest.Secondary, Times: 1, Delay: time.Minute})
	g.get("/user")
	g.SetClock(2*time.Hour + 30*time.Second)
	g.get("/user")
	if complaints := strings.Join(g.Complaints(), "\n"); !strings.Contains(complaints, "after it was told to wait until") {
		t.Errorf("asked too early, it complains of %q", complaints)
	}
	g.Forgive()
	g.SetClock(2*time.Hour + 61*time.Second)
	g.get("/user") // must not be complained about
}

func TestGitHubScolds(t *testing.T) {
	s := forgetest.NewServerOf(t, forgetest.Options{Kind: forgetest.GitHub})
	g := &github{T: t, Server: s}
	_, err := s.AddUser("alice")
	must(t, err)
	g.token, err = s.Token("alice")
	must(t, err)
	for want, do := range map[string]func(){
		"without a token":       func() { g.ask("", "GET", "/user", "") },
		"does not say who asks": func() { g.get("/user", "User-Agent", "Go-http-client/1.1") },
		"which answers":         func() { g.get("/user", "Accept", "*/*") },
		"which version":         func() { g.get("/user", "X-GitHub-Api-Version", "") },
		"no such route":         func() { g.get("/nothing/here") },
		"100 is the most":       func() { g.get("/user?per_page=101") },
		"is no time":            func() { g.get("/user?since=yesterday") },
		"a secret in the query": func() { g.get("/user?x=" + g.token) },
		"not said to be JSON":   func() { g.ask(g.token, "POST", "/repos/a/b/issues", "{}", "Content-Type", "text/plain") },
		"but a second should pass": func() {
			g.ask(g.token, "POST", "/repos/a/b/issues", "{}")
			g.ask(g.token, "POST", "/repos/a/b/issues", "{}")
		},
		"another write is not answer": func() { writeTwice(g) },
	} {
		s.Forgive()
		do()
		if complaints := strings.Join(s.Complaints(), "\n"); !strings.Contains(complaints, want) || strings.Contains(complaints, g.token) {
			t.Errorf("it complains %q, not of %q", complaints, want)
		}
	}
	s.Forgive()
}

// writeTwice sends a write while another is on its way.
func writeTwice(g *github) {
	g.Fail(forgetest.Failure{Kind: forgetest.Slow, Delay: time.Hour, Method: http.MethodPost, Path: "/repos/a/"})
	before := len(g.Requests())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.ask(g.token, "POST", "/repos/a/b/issues", "{}")
	}()
	for len(g.Requests()) == before {
		time.Sleep(time.Millisecond)
	}
	g.ask(g.token, "POST", "/repos/b/b/issues", "{}")
	g.Mend()
	<-done
}

func TestGitHubTakesNoCommentThatIsTooLongOrLockedOut(t *testing.T) {
	g := newGitHub(t)
	stranger, err := g.Token("mallory")
	must(t, err)
	const path = "/repos/coop/app/issues/1/comments"
	body := func(n int) string { return `{"body":"` + strings.Repeat("ü", n) + `"}` }
	if got := g.get("/repos/coop/app/pulls/1"); !strings.Contains(got.body, `"draft":false`) {
		t.Errorf("%+v", got)
	}
	if got := g.ask(stranger, "POST", path, body(65536)); got.status != 201 {
		t.Errorf("as long as may be: %d", got.status)
	}
	if got := g.ask(stranger, "POST", path, body(65537)); got.status != 422 || !strings.Contains(got.body, "maximum is 65536") {
		t.Errorf("too long: %+v", got)
	}
	must(t, g.SetLocked(g.repo, g.pull, true))
	must(t, g.SetDraft(g.repo, g.pull, true))
	if got := g.ask(stranger, "POST", path, body(1)); got.status != 403 || !strings.Contains(got.body, "locked") {
		t.Errorf("locked: %+v", got)
	}
	if got := g.ask(g.token, "POST", path, body(1)); got.status != 201 {
		t.Errorf("locked, but by who may push: %+v", got)
	}
	if got := g.get("/repos/coop/app/pulls/1"); !strings.Contains(got.body, `"draft":true`) || !strings.Contains(got.body, `"locked":true`) {
		t.Errorf("%+v", got)
	}
	must(t, g.SetPrivate(g.repo, true))
	if got := g.ask(stranger, "GET", "/repos/coop/app", ""); got.status != 404 {
		t.Errorf("private, to a stranger: %+v", got)
	}
	if _, err := forgetest.Git(g.dir, "ls-remote", g.URL()+"/coop/app.git"); err == nil {
		t.Error("anybody can fetch a private repository")
	}
	with := strings.Replace(g.URL(), "http://", "http://x-access-token:"+g.token+"@", 1)
	if _, err := forgetest.Git(g.dir, "ls-remote", with+"/coop/app.git"); err != nil {
		t.Error(err)
	}
}
