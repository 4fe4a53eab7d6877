package forgetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

// github is a small GitHub with the usual people, asked by hand.
type github struct {
	*testing.T
	*forgetest.Server
	repo  forge.Repo
	pull  int
	head  string
	dir   string
	token string // of the member alice
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   string
}

// read decodes an answer.
func read[T any](t *testing.T, r reply) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

func newGitHub(t *testing.T) *github {
	t.Helper()
	return newForge(t, forgetest.GitHub)
}

func newForge(t *testing.T, kind forgetest.ForgeKind) *github {
	t.Helper()
	g := &github{T: t, Server: forgetest.NewServerOf(t, forgetest.Options{Kind: kind, Hurry: true}), dir: t.TempDir()}
	for _, login := range []string{"alice", "bob", "mallory"} {
		_, err := g.AddUser(login)
		must(t, err)
	}
	must(t, g.AddOrg("coop"))
	must(t, g.AddMember("coop", "alice", forgetest.Write))
	must(t, g.AddMember("coop", "bob", forgetest.Read))
	var err error
	g.token, err = g.Token("alice")
	must(t, err)
	g.git("init", "--quiet", "--initial-branch=main")
	g.git("commit", "--quiet", "--allow-empty", "-m", "an app")
	g.repo, err = g.AddRepo("coop", "app", g.dir)
	must(t, err)
	g.git("checkout", "--quiet", "-b", "change")
	g.git("commit", "--quiet", "--allow-empty", "-m", "a better app")
	g.head = g.git("rev-parse", "HEAD")
	g.pull, err = g.OpenPull(forgetest.NewPull{Repo: g.repo, Author: "mallory", Title: "A better app", Dir: g.dir})
	must(t, err)
	return g
}

func (g *github) git(args ...string) string {
	g.Helper()
	out, err := forgetest.Git(g.dir, args...)
	must(g.T, err)
	return out
}

// ask sends a request as a good client does; more are pairs of headers.
func (g *github) ask(token, method, path, body string, more ...string) reply {
	g.Helper()
	req, err := http.NewRequestWithContext(g.Context(), method, g.URL()+"/api/v3"+path, bytes.NewReader([]byte(body)))
	must(g.T, err)
	h := req.Header
	h.Set("User-Agent", "test")
	h.Set("Accept", "application/vnd.github+json")
	h.Set("X-GitHub-Api-Version", "2022-11-28")
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		h.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	must(g.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(g.T, err)
	return reply{resp.StatusCode, resp.Header, string(text)}
}

func (g *github) get(path string, more ...string) reply {
	g.Helper()
	return g.ask(g.token, "GET", path, "", more...)
}

// jwt is an App's own token, good until so long from now.
func (g *github) jwt(a forgetest.App, life time.Duration) string {
	g.Helper()
	key, err := jwt.ParseRSAPrivateKeyFromPEM(a.Key)
	must(g.T, err)
	now := time.Now()
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": a.ID, "iat": now.Add(-5 * time.Second).Unix(), "exp": now.Add(life).Unix()}).SignedString(key)
	must(g.T, err)
	return text
}

func TestGitHubAnUnchangedAnswerCostsNothing(t *testing.T) {
	g := newGitHub(t)
	const path = "/repos/coop/app/issues/comments?since=2020-01-01T00:00:00Z&sort=updated&direction=asc&per_page=100"
	first := g.get(path)
	if first.status != http.StatusOK || first.header.Get("ETag") == "" || g.Spent(g.token) != 1 {
		t.Fatalf("%+v, spent %d", first, g.Spent(g.token))
	}
	for range 3 {
		again := g.get(path, "If-None-Match", first.header.Get("ETag"))
		if again.status != http.StatusNotModified || again.body != "" || again.header.Get("X-RateLimit-Remaining") != "4999" {
			t.Errorf("asked again: %+v", again)
		}
	}
	if g.Spent("alice") != 1 {
		t.Errorf("spent %d, want 1", g.Spent("alice"))
	}
	other, err := g.Token("bob")
	must(t, err)
	if got := g.ask(other, "GET", path, "", "If-None-Match", first.header.Get("ETag")); got.status != http.StatusOK || g.Spent(other) != 1 {
		t.Errorf("with another's ETag: %d, spent %d", got.status, g.Spent(other))
	}
	_, err = g.Comment(g.repo, g.pull, "bob", "!testme")
	must(t, err)
	fresh := g.get(path, "If-None-Match", first.header.Get("ETag"))
	if fresh.status != http.StatusOK || !strings.Contains(fresh.body, "!testme") || g.Spent(g.token) != 2 {
		t.Errorf("after a comment: %+v, spent %d", fresh, g.Spent(g.token))
	}
	list := read[[]struct {
		HTMLURL     string `json:"html_url"`
		Association string `json:"author_association"`
	}](t, fresh)
	if len(list) != 1 || !strings.Contains(list[0].HTMLURL, "/coop/app/pull/1#issuecomment-") || list[0].Association != "MEMBER" {
		t.Errorf("the comment is %+v", list)
	}
}

func TestGitHubTheLimitEnds(t *testing.T) {
	g := newGitHub(t)
	g.SetLimit(2)
	for want, n := range []int{200, 200, 403, 403} {
		if got := g.get("/user"); got.status != n {
			t.Errorf("request %d: %d, want %d: %s", want, got.status, n, got.body)
		}
	}
	if got := g.get("/rate_limit"); got.status != 200 || !strings.Contains(got.body, `"remaining":0`) {
		t.Errorf("the limit: %+v", got)
	}
	g.SetClock(time.Hour)
	if got := g.get("/user"); got.status != 200 || got.header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("an hour later: %+v", got)
	}
	g.Forgive() // it asked on
}

func TestGitHubApps(t *testing.T) {
	g := newGitHub(t)
	a, err := g.AddApp("seatrial")
	must(t, err)
	own := g.jwt(a, 9*time.Minute)
	if got := g.ask(own, "GET", "/repos/coop/app/installation", ""); got.status != 404 {
		t.Errorf("before it is installed: %+v", got)
	}
	id, err := g.InstallApp(a.ID, "coop")
	must(t, err)
	where := read[struct{ ID int64 }](t, g.ask(own, "GET", "/repos/coop/app/installation", ""))
	if where.ID != id {
		t.Fatalf("installation %d, want %d", where.ID, id)
	}
	if got := g.ask(g.jwt(a, 11*time.Minute), "GET", "/app", ""); got.status != 401 || !strings.Contains(got.body, "too far in the future") {
		t.Errorf("for eleven minutes: %+v", got)
	}
	path := "/app/installations/1/access_tokens"
	token := read[struct{ Token string }](t, g.ask(own, "POST", path, "")).Token
	check := `{"name":"seatrial","head_sha":"` + g.head + `","status":"in_progress","output":{"title":"installing","summary":"…"}}`
	made := g.ask(token, "POST", "/repos/coop/app/check-runs", check)
	if made.status != 201 {
		t.Fatalf("a check run: %+v", made)
	}
	if got := g.ask(g.token, "POST", "/repos/coop/app/check-runs", check); got.status != 403 || !strings.Contains(got.body, "You must authenticate via a GitHub App") {
		t.Errorf("with a user's token: %+v", got)
	}
	if got := g.ask(token, "GET", "/repos/coop/app/commits/"+g.head+"/check-runs?check_name=seatrial", ""); !strings.Contains(got.body, `"total_count":1`) {
		t.Errorf("listed: %+v", got)
	}
	if got := g.ask(token, "GET", "/orgs/coop/members/bob", ""); got.status != 204 {
		t.Errorf("a member: %+v", got)
	}
	g.SetClock(time.Hour)
	if got := g.ask(token, "GET", "/repos/coop/app", ""); got.status != 401 {
		t.Errorf("after an hour: %+v", got)
	}
	g.SetClock(0)
	_, err = g.RotateKey(a.ID)
	must(t, err)
	if got := g.ask(own, "GET", "/app", ""); got.status != 401 {
		t.Errorf("with the old key: %+v", got)
	}
}

func TestGitHubSendsOnWhoAsksForARenamedRepository(t *testing.T) {
	g := newGitHub(t)
	_, err := g.RenameRepo(g.repo, "coop", "boat")
	must(t, err)
	got := g.get("/repos/coop/app/pulls/1?x=y")
	to := strings.TrimPrefix(got.header.Get("Location"), g.URL()+"/api/v3")
	if got.status != 301 || to != "/repositories/1/pulls/1?x=y" {
		t.Fatalf("%+v", got)
	}
	if got := g.get(to); got.status != 200 || !strings.Contains(got.body, `"full_name":"coop/boat"`) {
		t.Errorf("there: %+v", got)
	}
	if got := g.ask(g.token, "POST", "/repos/coop/app/issues/1/comments", `{"body":"x"}`); got.status != 307 {
		t.Errorf("a write: %+v", got)
	}
}
