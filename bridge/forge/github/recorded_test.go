package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/internal/must"
)

// recordings finds a folder or file of the recorded answers, which are not kept with the
// sources: by the end of its path.
func recordings(t *testing.T, end string) string {
	t.Helper()
	const root = "../../../.cache/octokit"
	found := ""
	_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(filepath.ToSlash(path), end) {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	must.Have(t, "octokit", found != "", "GitHub's recorded answers are missing: run dev/prepare test")
	return found
}

// recorded is one request of a scenario, with its answer.
type recorded struct {
	Method, Path string
	Status       int
	Response     json.RawMessage
	Headers      map[string]any
}

// playback is an adapter for a server that gives a scenario's recorded answers, each
// path's in their order, the last one again. Queries but for the page do not matter.
func playback(t *testing.T, scenario string) *Forge {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(recordings(t, "scenarios/api.github.com"), scenario, "normalized-fixture.json"))
	noError(t, err)
	var all []recorded
	noError(t, json.Unmarshal(text, &all))
	return play(t, all)
}

func play(t *testing.T, all []recorded) *Forge {
	t.Helper()
	answers := map[string][]recorded{}
	for _, r := range all {
		key := strings.ToUpper(r.Method) + " " + r.Path
		answers[key] = append(answers[key], r)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Method + " " + r.URL.Path
		if page := r.URL.Query().Get("page"); page != "" {
			key = r.Method + " /repositories/1000/issues?per_page=3&page=" + page
		} else if strings.HasSuffix(r.URL.Path, "/issues") {
			key += "?per_page=3"
		}
		list := answers[key]
		if len(list) == 0 {
			t.Errorf("nobody recorded %s", key)
			http.Error(w, "{}", http.StatusNotImplemented)
			return
		}
		if len(list) > 1 {
			answers[key] = list[1:]
		}
		for name, value := range list[0].Headers {
			if !strings.EqualFold(name, "content-length") && !strings.EqualFold(name, "transfer-encoding") {
				w.Header().Set(name, fmt.Sprint(value))
			}
		}
		w.WriteHeader(list[0].Status)
		w.Write(list[0].Response)
	}))
	t.Cleanup(server.Close)
	f, err := New(Config{ID: "github", URL: "https://github.com", APIURL: server.URL, Token: func() string { return "x" }, WritePause: time.Millisecond})
	noError(t, err)
	return f
}

func fixture(name string) forge.Repo {
	return forge.Repo{Forge: "github", Owner: "octokit-fixture-org", Name: name}
}

const recordedCommit = "0000000000000000000000000000000000000001"

func TestRecordedRepository(t *testing.T) {
	t.Parallel()
	f := playback(t, "get-repository")
	r, err := f.repository(about(t.Context(), "test", fixture("hello-world")), fixture("hello-world"))
	noError(t, err)
	if r.GetDefaultBranch() != "main" && r.GetDefaultBranch() != "master" || r.GetPrivate() || r.GetCloneURL() != "https://github.com/octokit-fixture-org/hello-world.git" {
		t.Errorf("read %s", r)
	}
	if b := f.Budget(); b.Limit != 5000 || b.Left != 4999 {
		t.Errorf("the budget is %+v", b)
	}
	if f.Skew() > -24*time.Hour { // it was recorded in 2017
		t.Errorf("the clocks differ by %s", f.Skew())
	}
}

func TestRecordedStatuses(t *testing.T) {
	t.Parallel()
	f := playback(t, "create-status")
	repo := fixture("create-status")
	for _, state := range []forge.StatusState{forge.StatusFailure, forge.StatusSuccess} {
		noError(t, f.SetStatus(t.Context(), repo, recordedCommit, forge.Status{State: state, Context: "example", Description: "create-status test"}))
	}
	got, ok, err := f.LastStatus(t.Context(), repo, recordedCommit, "example/1")
	if err != nil || !ok {
		t.Fatalf("%+v, %v, %v", got, ok, err)
	}
	if want := (forge.Status{State: forge.StatusFailure, Context: "example/1", Description: "create-status failure test", TargetURL: "https://example.com"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRecordedRenaming(t *testing.T) {
	t.Parallel()
	f := playback(t, "rename-repository")
	_, err := f.repository(about(t.Context(), "test", fixture("rename-repository")), fixture("rename-repository"))
	if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "renamed or moved") || !strings.Contains(err.Error(), "/repositories/1000") {
		t.Errorf("got %v", err)
	}
}

func TestRecordedPages(t *testing.T) {
	t.Parallel()
	f := playback(t, "paginate-issues")
	repo := fixture("paginate-issues")
	got, found, err := f.FindIssue(t.Context(), repo, "", forge.Person{ID: 1000, Login: "octokit-fixture-user-a"})
	if err != nil || !found || got.Number != 13 || !got.Open || got.URL != "https://github.com/octokit-fixture-org/paginate-issues/issues/13" {
		t.Errorf("the newest: %+v, %v, %v", got, found, err)
	}
	if _, found, err := f.FindIssue(t.Context(), repo, "", forge.Person{ID: 4711}); err != nil || found {
		t.Errorf("nobody's: %v, %v", found, err)
	}
	if n := f.Requests()["issue"]; n != 1+5 {
		t.Errorf("asked for %d pages, want the first and then all five", n)
	}
}

func TestRecordedRefusals(t *testing.T) {
	t.Parallel()
	f := playback(t, "errors")
	_, err := f.ask(about(t.Context(), "test", fixture("errors")), "POST", pathOf(fixture("errors"))+"/labels", map[string]string{"name": "foo"}, nil)
	if err == nil || !strings.Contains(err.Error(), "422 Unprocessable Entity") || !strings.Contains(err.Error(), "Validation Failed") {
		t.Errorf("got %v", err)
	}
}

// payloads are the recorded webhooks of an event.
func payloads(t *testing.T, event string) []json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(recordings(t, "/api.github.com/index.json"))
	noError(t, err)
	var all []struct {
		Name     string
		Examples []json.RawMessage
	}
	noError(t, json.Unmarshal(text, &all))
	for _, e := range all {
		if e.Name == event {
			return e.Examples
		}
	}
	t.Fatalf("there are no recorded webhooks for %s", event)
	return nil
}

// A webhook contains the same objects as the API's answers.
func TestRecordedPullRequests(t *testing.T) {
	t.Parallel()
	for _, text := range payloads(t, "pull_request") {
		var p struct {
			Action string
			Pull   json.RawMessage `json:"pull_request"`
		}
		noError(t, json.Unmarshal(text, &p))
		repo := forge.Repo{Forge: "github", Owner: "Codertocat", Name: "Hello-World"}
		f := play(t, []recorded{{Method: "GET", Path: "/repos/Codertocat/Hello-World/pulls/2", Status: 200, Response: p.Pull}})
		got, err := f.PullRequest(t.Context(), repo, 2)
		want := forge.PullRequest{
			Repo: repo, Number: 2, Title: got.Title, Author: forge.Person{ID: 21031067, Login: "Codertocat"}, Open: p.Action != "closed",
			Head: "ec26c3e57ca3a959ca5aad62de7213c562f8c821", HeadRef: "refs/pull/2/head", HeadBranch: "changes", HeadRepo: "Codertocat/Hello-World", Base: "master",
			CloneURL: "https://github.com/Codertocat/Hello-World.git", URL: "https://github.com/Codertocat/Hello-World/pull/2",
			Draft: p.Action == "converted_to_draft", Locked: p.Action == "locked",
		}
		if err != nil || got != want || got.Title == "" {
			t.Errorf("%s: got %+v, %v, want %+v", p.Action, got, err, want)
		}
	}
}

func TestRecordedComments(t *testing.T) {
	t.Parallel()
	f := play(t, nil)
	repo := forge.Repo{Forge: "github", Owner: "Codertocat", Name: "Hello-World"}
	for _, text := range payloads(t, "issue_comment") {
		var p struct {
			Action  string
			Comment *sdk.IssueComment
		}
		noError(t, json.Unmarshal(text, &p))
		if got, ok := f.comment(p.Comment, repo); ok {
			t.Errorf("a comment on an issue was taken for %+v", got)
		}
		onPull := strings.Replace(p.Comment.GetHTMLURL(), "/issues/", "/pull/", 1)
		p.Comment.HTMLURL = &onPull
		got, ok := f.comment(p.Comment, repo)
		at := time.Date(2019, 5, 15, 15, 20, 21, 0, time.UTC)
		want := forge.Comment{Repo: repo, Pull: 1, ID: 492700400, Author: forge.Person{ID: 21031067, Login: "Codertocat"}, Body: got.Body, Created: at, Updated: at, URL: onPull}
		if p.Action != "created" {
			want.Updated = at.Add(time.Second)
		}
		if !ok || got != want || got.Body == "" {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestRecordedCheckRuns(t *testing.T) {
	t.Parallel()
	want := map[string]forge.StatusState{"": forge.StatusPending, "success": forge.StatusSuccess, "failure": forge.StatusFailure, "neutral": forge.StatusError}
	for _, text := range payloads(t, "check_run") {
		var p struct {
			Check *checkRun `json:"check_run"`
		}
		noError(t, json.Unmarshal(text, &p))
		if got := stateOf(p.Check); got != want[p.Check.Conclusion] {
			t.Errorf("%s %s: %s", p.Check.Status, p.Check.Conclusion, got)
		}
	}
}

func TestRecordedInstallations(t *testing.T) {
	t.Parallel()
	for _, text := range payloads(t, "installation") {
		var p struct{ Installation *sdk.Installation }
		noError(t, json.Unmarshal(text, &p))
		list := judgeInstallation(1, p.Installation)
		suspended := p.Installation.SuspendedAt != nil
		if (list[0].Name == "use the installation") != suspended {
			t.Errorf("suspended %v, but said is %+v", suspended, list)
		}
		for _, a := range list {
			if a.Name == "Metadata: read" {
				t.Errorf("a permission that is there is missed: %+v", a)
			}
		}
	}
}
