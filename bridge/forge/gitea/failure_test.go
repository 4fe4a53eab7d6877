package gitea_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/gitea"
)

// lab is a fake forge with an organisation, a repository and a pull request without
// commits, and an adapter in the bot's name whose log is kept.
type lab struct {
	*testing.T
	server *forgetest.Server
	forge  *gitea.Forge
	token  string
	repo   forge.Repo
	pull   int
	log    *bytes.Buffer
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{T: t, server: forgetest.NewServer(t), log: &bytes.Buffer{}}
	for _, login := range []string{"bot", "alice"} {
		if _, err := l.server.AddUser(login); err != nil {
			t.Fatal(err)
		}
	}
	must(t, l.server.AddOrg("coop"))
	must(t, l.server.AddMember("coop", "bot", forgetest.Write))
	must(t, l.server.AddMember("coop", "alice", forgetest.Read))
	l.repo = l.server.AddEmptyRepos("coop", "app", 1)[0]
	var err error
	l.pull, err = l.server.AddEmptyPull(l.repo, "alice", "a change")
	must(t, err)
	l.token, err = l.server.Token("bot")
	must(t, err)
	l.forge, err = gitea.New(gitea.Config{
		ID: forgetest.ForgeID, URL: l.server.URL() + "/", Token: func() string { return l.token },
		Log:     slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Timeout: 300 * time.Millisecond, RetryPause: time.Millisecond,
	})
	must(t, err)
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestALyingForgeIsAnErrorThatNamesTheQuestion(t *testing.T) {
	for _, c := range []struct {
		failure forgetest.Failure
		says    string
	}{
		{forgetest.Failure{Kind: forgetest.Broken}, `500 Internal Server Error: {"message":"database is locked"}`},
		{forgetest.Failure{Kind: forgetest.HTML}, "200 OK, the answer is not JSON: <!DOCTYPE html>"},
		{forgetest.Failure{Kind: forgetest.Truncated}, "200 OK, the answer is broken JSON"},
		{forgetest.Failure{Kind: forgetest.Drop}, "EOF"},
		{forgetest.Failure{Kind: forgetest.Slow, Delay: time.Minute}, "no answer within 300ms"},
		{forgetest.Failure{Kind: forgetest.Revoked}, "401 Unauthorized"},
	} {
		t.Run(string(c.failure.Kind), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.server.Fail(c.failure)
			_, err := l.forge.PullRequest(t.Context(), l.repo, l.pull)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{"cannot read pull request coop/app0#1", "GET /api/v1/repos/coop/app0/pulls/1", c.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.ContainsAny(err.Error(), "\x1b\n\r") {
				t.Errorf("%q has control characters", err)
			}
			if (c.failure.Kind == forgetest.Revoked) != errors.Is(err, forge.ErrUnauthorized) {
				t.Errorf("unauthorized: %v", err)
			}
			if errors.Is(err, forge.ErrNotFound) {
				t.Errorf("it counts as not found: %v", err)
			}
			if strings.Contains(err.Error(), l.token) || strings.Contains(l.log.String(), l.token) {
				t.Error("the token shows")
			}
		})
	}
}

func TestOnlyQuestionsAreRepeated(t *testing.T) {
	t.Parallel()
	for _, kind := range []forgetest.Kind{forgetest.Broken, forgetest.HTML, forgetest.Truncated, forgetest.Drop, forgetest.Unavailable} {
		l := newLab(t)
		l.server.Fail(forgetest.Failure{Kind: kind, Times: 1})
		if _, err := l.forge.Self(t.Context()); err != nil {
			t.Errorf("after one %s: %v", kind, err)
		}
		l.server.Fail(forgetest.Failure{Kind: kind, Method: "POST", Times: 1})
		if _, err := l.forge.CreateComment(t.Context(), l.repo, l.pull, "hello"); err == nil {
			t.Errorf("a comment was posted although the forge answered %s", kind)
		}
		if n := l.forge.Requests()["comment"]; n != 1 {
			t.Errorf("%s: the comment was sent %d times", kind, n)
		}
	}
}

func TestTheForgesWaitIsHonoured(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server.Fail(forgetest.Failure{Kind: forgetest.Unavailable, Times: 1})
	began := time.Now()
	_, err := l.forge.Self(t.Context())
	must(t, err)
	if took := time.Since(began); took < time.Second {
		t.Errorf("asked again after %s, but the forge said: in a second", took)
	}
}

func TestAnAnswerThatGotLostIsFoundAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server.Fail(forgetest.Failure{Kind: forgetest.Lost, Method: "POST", Times: 1})
	if _, err := l.forge.CreateComment(t.Context(), l.repo, l.pull, "hello <!-- x -->"); err == nil {
		t.Fatal("the answer was lost, but nobody noticed")
	}
	me, err := l.forge.Self(t.Context())
	must(t, err)
	if _, found, err := l.forge.FindComment(t.Context(), l.repo, l.pull, "<!-- x -->", me); err != nil || !found {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestTheCursorStaysWhereItWasOnAnError(t *testing.T) {
	t.Parallel()
	for _, scope := range []func(l *lab) forge.Scope{
		func(l *lab) forge.Scope { return forge.Organisation(forgetest.ForgeID, "coop", nil) },
		func(l *lab) forge.Scope { return forge.Repository(l.repo) },
	} {
		l := newLab(t)
		_, cursor, err := l.forge.CommentsAfter(t.Context(), scope(l), "")
		must(t, err)
		id, err := l.server.Comment(l.repo, l.pull, "alice", "!testme")
		must(t, err)
		l.server.Fail(forgetest.Failure{Kind: forgetest.Truncated, Path: "/issues/comments"})
		_, same, err := l.forge.CommentsAfter(t.Context(), scope(l), cursor)
		if err == nil || same != cursor {
			t.Fatalf("error %v, cursor moved: %v", err, same != cursor)
		}
		l.server.Mend()
		comments, _, err := l.forge.CommentsAfter(t.Context(), scope(l), same)
		if err != nil || len(comments) != 1 || comments[0].ID != id {
			t.Errorf("got %+v, %v", comments, err)
		}
	}
}

func TestOneBrokenRepositoryDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	scope := forge.Organisation(forgetest.ForgeID, "coop", nil)
	other := l.server.AddEmptyRepos("coop", "other", 1)[0]
	n, err := l.server.AddEmptyPull(other, "alice", "another")
	must(t, err)
	_, cursor, err := l.forge.CommentsAfter(t.Context(), scope, "")
	must(t, err)
	late, err := l.server.Comment(l.repo, l.pull, "alice", "late")
	must(t, err)
	early, err := l.server.Comment(other, n, "alice", "early")
	must(t, err)
	l.server.Fail(forgetest.Failure{Kind: forgetest.Broken, Path: "/app0/issues/comments"})
	comments, cursor, err := l.forge.CommentsAfter(t.Context(), scope, cursor)
	if err != nil || len(comments) != 1 || comments[0].ID != early {
		t.Fatalf("got %+v, %v", comments, err)
	}
	// Much later, when the overlap has long passed, it is still owed.
	l.server.SetClock(time.Hour)
	_, err = l.server.Comment(other, n, "alice", "newer")
	must(t, err)
	_, cursor, err = l.forge.CommentsAfter(t.Context(), scope, cursor)
	must(t, err)
	l.server.Mend()
	comments, _, err = l.forge.CommentsAfter(t.Context(), scope, cursor)
	must(t, err)
	for _, c := range comments {
		if c.ID == late {
			return
		}
	}
	t.Errorf("the late comment never came: %+v", comments)
}

func TestAClockAnHourOffLosesNothing(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		for _, org := range []bool{true, false} {
			l := newLab(t)
			scope := forge.Repository(l.repo)
			if org {
				scope = forge.Organisation(forgetest.ForgeID, "coop", nil)
			}
			l.server.SetClock(off)
			_, cursor, err := l.forge.CommentsAfter(t.Context(), scope, "")
			must(t, err)
			first, err := l.server.Comment(l.repo, l.pull, "alice", "one")
			must(t, err)
			seen := map[int64]bool{}
			read := func() {
				t.Helper()
				var comments []forge.Comment
				comments, cursor, err = l.forge.CommentsAfter(t.Context(), scope, cursor)
				must(t, err)
				for _, c := range comments {
					seen[c.ID] = true
				}
			}
			read()
			if d := l.forge.Skew(); (d - off).Abs() > 2*time.Second {
				t.Errorf("the clock is %s off, but %s is said", off, d)
			}
			l.server.SetClock(0) // somebody put it right
			second, err := l.server.Comment(l.repo, l.pull, "alice", "two")
			must(t, err)
			read()
			if !seen[first] || !seen[second] {
				t.Errorf("off by %s, organisation %v: saw %v, want %d and %d", off, org, seen, first, second)
			}
		}
	}
}

func TestADeletedCommentBetweenTwoPagesHidesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, cursor, err := l.forge.CommentsAfter(t.Context(), forge.Repository(l.repo), "")
	must(t, err)
	var ids []int64
	for range 60 {
		id, err := l.server.Comment(l.repo, l.pull, "alice", "hello")
		must(t, err)
		ids = append(ids, id)
	}
	deleted := false
	proxied, err := gitea.New(gitea.Config{ID: forgetest.ForgeID, URL: l.server.URL(), Token: func() string { return l.token },
		HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("page") == "2" && !deleted {
				deleted = true
				if err := l.server.DeleteComment(l.repo, ids[0], "alice"); err != nil {
					return nil, err
				}
			}
			return http.DefaultTransport.RoundTrip(r)
		})}})
	must(t, err)
	comments, _, err := proxied.CommentsAfter(t.Context(), forge.Repository(l.repo), cursor)
	must(t, err)
	if len(comments) != 59 {
		t.Errorf("got %d comments, want the 59 that are left", len(comments))
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnswersFullOfHolesAreErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`null`, `{}`, `[]`, `[null]`, `"x"`, `[{"user":null,"repository":null}]`, `{"head":null,"number":1}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(body))
		}))
		defer server.Close()
		f, err := gitea.New(gitea.Config{ID: "gitea", URL: server.URL, Token: func() string { return "x" }, RetryPause: time.Millisecond})
		must(t, err)
		ctx, repo := t.Context(), forge.Repo{Forge: "gitea", Owner: "coop", Name: "app"}
		if _, err := f.PullRequest(ctx, repo, 1); err == nil {
			t.Errorf("%s is taken for a pull request", body)
		}
		if _, err := f.Self(ctx); err == nil {
			t.Errorf("%s is taken for a person", body)
		}
		if _, err := f.CreateComment(ctx, repo, 1, "hello"); err == nil {
			t.Errorf("%s is taken for a comment", body)
		}
		if _, _, err := f.DefaultBranch(ctx, repo); err == nil {
			t.Errorf("%s is taken for a repository", body)
		}
		// Lists may be empty; nothing may panic.
		for _, scope := range []forge.Scope{forge.Repository(repo), forge.Organisation("gitea", "coop", nil)} {
			if comments, _, err := f.CommentsAfter(ctx, scope, `{"start":"2026-01-01T00:00:00Z"}`); err == nil && len(comments) > 0 {
				t.Errorf("%s is taken for the comments %+v", body, comments)
			}
		}
		f.Pushes(ctx, repo, 1, time.Time{})
		f.LastStatus(ctx, repo, "abc", "x")
		f.FindComment(ctx, repo, 1, "x", forge.Person{})
	}
}

func TestAMovedRepositoryIsSaidToHaveMoved(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/api/v1/repos/coop/new", http.StatusMovedPermanently))
	defer server.Close()
	f, err := gitea.New(gitea.Config{ID: "gitea", URL: server.URL, Token: func() string { return "x" }})
	must(t, err)
	_, err = f.PullRequest(t.Context(), forge.Repo{Owner: "coop", Name: "old"}, 1)
	if err == nil || !strings.Contains(err.Error(), "redirected to /api/v1/repos/coop/new") {
		t.Errorf("got %v", err)
	}
}

func TestANewTokenIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	old := l.token
	fresh, err := l.server.Token("alice")
	must(t, err)
	l.token = fresh
	l.server.RevokeToken(old)
	if me, err := l.forge.Self(t.Context()); err != nil || me.Login != "alice" {
		t.Errorf("got %+v, %v", me, err)
	}
}

func TestAForgeThatIsDownIsNoErrorAtStart(t *testing.T) {
	t.Parallel()
	f, err := gitea.New(gitea.Config{ID: "gitea", URL: "http://127.0.0.1:1", Token: func() string { return "x" }, RetryPause: time.Millisecond})
	must(t, err)
	if _, err := f.Self(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "git.example.org", "ftp://git.example.org", "https://me:secret@git.example.org", "https://git.example.org/?token=x"} {
		_, err := gitea.New(gitea.Config{ID: "gitea", URL: address, Token: func() string { return "x" }})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestCancelledMeansStopAsking(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.forge.Self(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestAProxyThatAsksUsToWait: Gitea sets no limit, but what stands before it may.
func TestAProxyThatAsksUsToWait(t *testing.T) {
	for status, after := range map[int]string{http.StatusTooManyRequests: "120", http.StatusServiceUnavailable: "3600"} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Retry-After", after)
			w.WriteHeader(status)
		}))
		f, err := gitea.New(gitea.Config{ID: forgetest.ForgeID, URL: server.URL, Token: func() string { return "t" }, RetryPause: time.Millisecond})
		must(t, err)
		_, err = f.Self(t.Context())
		server.Close()
		limited, ok := errors.AsType[*forge.LimitedError](err)
		if !ok || !errors.Is(err, forge.ErrLimited) || time.Until(limited.Until) < time.Minute || asked != 1 {
			t.Errorf("%d: %v, after %d requests", status, err, asked)
		}
	}
}
