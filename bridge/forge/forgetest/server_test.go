package forgetest_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// town is a server with a member, a stranger and a pull request.
func town(t *testing.T) (*forgetest.Server, forge.Repo, int) {
	t.Helper()
	s := forgetest.NewServer(t)
	for _, login := range []string{"alice", "mallory"} {
		_, err := s.AddUser(login)
		must(t, err)
	}
	must(t, s.AddOrg("coop"))
	must(t, s.AddMember("coop", "alice", forgetest.Write))
	repo := s.AddEmptyRepos("coop", "app", 1)[0]
	n, err := s.AddEmptyPull(repo, "mallory", `<script>alert("title")</script>`)
	must(t, err)
	return s, repo, n
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(body)
}

func TestPagesShowHostileTextHarmlessly(t *testing.T) {
	s, repo, n := town(t)
	comment := "hello *there*\n\n" +
		"<details><summary>Log</summary>\n\n```\n<b>$(id)</b>\n```\n\n</details>\n\n" +
		"<!-- seatrial run=1 -->\n" +
		"<script>alert(1)</script><img src=x onerror=alert(2)>\n\n" +
		"<details ontoggle=alert(3)>\n\n[click](javascript:alert(4)) <iframe src=//evil.example></iframe>\n\n" +
		"| a | b |\n|---|---|\n| 1 | 2 |\n"
	_, err := s.Comment(repo, n, "alice", comment)
	must(t, err)
	status, page := get(t, s.URL()+"/coop/app0/pulls/1")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, page)
	}
	for _, want := range []string{
		"<em>there</em>", "<details><summary>Log</summary>", "</details>", "&lt;b&gt;$(id)&lt;/b&gt;", "<table>",
		"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x onerror=alert(2)&gt;", "&lt;details ontoggle=alert(3)&gt;",
		"&lt;script&gt;alert(&#34;title&#34;)&lt;/script&gt;", `lang="en"`, "mallory", "member", "stranger",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
	for _, bad := range []string{"<script>alert", "<img", "<iframe", "javascript:", "ontoggle=alert(3)>\n", "seatrial run=1"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestPages(t *testing.T) {
	s, repo, n := town(t)
	for path, want := range map[string]string{
		"/":                         "/coop/app0/pulls/1",
		"/coop/app0":                "git clone",
		"/coop/app0/pulls/1":        `<form method="post"`,
		"/coop/app0/pulls/1/thread": "None yet",
		"/-/style.css":              "prefers-color-scheme: dark",
		"/-/live.js":                "fetch(",
	} {
		if status, page := get(t, s.URL()+path); status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%s: %d, without %q:\n%s", path, status, want, page)
		}
	}
	for _, path := range []string{"/nobody/nothing", "/coop/app0/pulls/7", "/coop/app0/pulls/x"} {
		if status, _ := get(t, s.URL()+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	resp, err := http.PostForm(s.URL()+"/coop/app0/pulls/1/comments", url.Values{"as": {"mallory"}, "body": {" !testme\n"}})
	must(t, err)
	resp.Body.Close()
	comments, err := s.Comments(repo, n)
	must(t, err)
	if resp.StatusCode != http.StatusOK || len(comments) != 1 || comments[0].Body != "!testme" || comments[0].Author.Login != "mallory" {
		t.Errorf("after the form: %d, %+v", resp.StatusCode, comments)
	}
}

func TestAnotherSiteMayNotComment(t *testing.T) {
	s, repo, n := town(t)
	jar, err := cookiejar.New(nil)
	must(t, err)
	req, err := http.NewRequest("POST", s.URL()+"/coop/app0/pulls/1/comments", strings.NewReader("as=alice&body=!testme"))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := (&http.Client{Jar: jar}).Do(req)
	must(t, err)
	resp.Body.Close()
	if comments, _ := s.Comments(repo, n); resp.StatusCode != http.StatusForbidden || len(comments) != 0 {
		t.Errorf("status %d, comments %v", resp.StatusCode, comments)
	}
}

func TestTheServerScolds(t *testing.T) {
	s, _, _ := town(t)
	token, err := s.Token("alice")
	must(t, err)
	for path, want := range map[string]string{
		"/api/v1/nothing/here":                             "no such route",
		"/api/v1/user":                                     "without a token",
		"/api/v1/version?access_token=" + token:            "a secret in the query",
		"/api/v1/repos/coop/app0/issues/comments?limit=99": "50 is the most",
		"/api/v1/repos/coop/app0/issues/comments?since=x":  "is no time",
		"/api/v1/version":                                  "does not say who asks",
	} {
		s.Forgive()
		get(t, s.URL()+path)
		if complaints := strings.Join(s.Complaints(), "\n"); !strings.Contains(complaints, want) || strings.Contains(complaints, token) {
			t.Errorf("%s: it complains %q, not of %q", path, complaints, want)
		}
	}
	s.Forgive()
	if len(s.Requests()) != 6 {
		t.Errorf("it noted %+v", s.Requests())
	}
}

func TestTheServerLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := forgetest.New(forgetest.Options{})
	must(t, err)
	s.Fail(forgetest.Failure{Kind: forgetest.Slow, Delay: 1 << 40})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := http.Get(s.URL() + "/api/v1/version"); err == nil {
			resp.Body.Close()
		}
	}()
	for len(s.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	must(t, s.Close())
	<-done
	http.DefaultClient.CloseIdleConnections()
}
