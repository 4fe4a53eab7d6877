package hook_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/forgetest/realgitea"
	"seatrial/bridge/forge/gitea"
	"seatrial/bridge/hook"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger/ledgertest"
)

// tape is what a forge sent, in order.
type tape struct {
	http.Handler
	mu   sync.Mutex
	sent []*http.Request
	body [][]byte
	came chan struct{}
}

func (t *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	t.Handler.ServeHTTP(w, r)
	t.mu.Lock()
	t.sent, t.body = append(t.sent, r), append(t.body, body)
	t.mu.Unlock()
	t.came <- struct{}{}
}

// site is a real Gitea whose hooks lead to a receiver, and that to a poller which never
// looks by itself.
type site struct {
	*testing.T
	git  *realgitea.Gitea
	lab  *lab
	tape *tape
	repo forge.Repo
	pull int
	dir  string
	m    *ledgertest.Memory
	p    *intake.Poller

	recorded map[string]bool
}

func newSite(t *testing.T) *site {
	s := &site{T: t, git: realgitea.New(t), dir: t.TempDir(), m: ledgertest.New(), recorded: map[string]bool{}}
	s.must(s.git.AddOrg("coop"))
	for _, login := range []string{"ada", "bot"} {
		_, err := s.git.AddUser(login)
		s.must(err)
		s.must(s.git.AddMember("coop", login, forgetest.Write))
	}
	s.commit("main")
	var err error
	s.repo, err = s.git.AddRepo("coop", "guestbook", s.dir)
	s.must(err)
	s.repo.Forge = "git"
	token, err := s.git.Token("bot")
	s.must(err)
	adapter, err := gitea.New(gitea.Config{ID: "git", URL: s.git.URL(), Token: func() string { return token }})
	s.must(err)
	s.p = intake.New(intake.Config{
		Sources:  []intake.Source{{Forge: "git", Feed: adapter, Branches: adapter}},
		Enrolled: func() []forge.Repo { return []forge.Repo{s.repo} }, Memory: s.m, Log: slog.New(slog.DiscardHandler),
	})
	s.must(s.p.LookAt(t.Context(), s.repo)) // from now on
	s.lab = newLab(t, nil)
	s.lab.run(t)
	s.tape = &tape{Handler: s.lab, came: make(chan struct{}, 100)}
	server := httptest.NewServer(s.tape)
	t.Cleanup(server.Close)
	s.must(s.git.AddHook(s.repo, server.URL+hook.Path("git"), secret))
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) commit(branch string) {
	s.Helper()
	git := func(args ...string) {
		if _, err := forgetest.Git(s.dir, args...); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, ".git")); err != nil {
		git("init", "-q", "--initial-branch="+branch)
	} else if _, err := forgetest.Git(s.dir, "checkout", "-q", branch); err != nil {
		git("checkout", "-q", "-b", branch)
	}
	s.must(os.WriteFile(filepath.Join(s.dir, "file"), fmt.Append(nil, time.Now()), 0o644))
	git("add", "-A")
	git("commit", "-q", "-m", "a change")
}

// hears waits for a hook of the event, and returns what it was taken for. Others that
// come before are passed over.
func (s *site) hears(event, action string) (e hook.Event) {
	s.Helper()
	deadline := time.After(15 * time.Second)
	for {
		s.tape.mu.Lock()
		for len(s.tape.sent) > 0 {
			r, body := s.tape.sent[0], s.tape.body[0]
			s.tape.sent, s.tape.body = s.tape.sent[1:], s.tape.body[1:]
			e, err := hook.Parse(hook.Forge{ID: "git", Kind: hook.Gitea}, r.Header, body)
			if err != nil {
				s.Errorf("%s: %v in %s", r.Header.Get("X-Gitea-Event"), err, body)
			}
			if r.Header.Get("X-Gitea-Event") == event && e.Action == action {
				s.tape.mu.Unlock()
				s.record(event, action, body)
				return e
			}
		}
		s.tape.mu.Unlock()
		select {
		case <-s.tape.came:
		case <-deadline:
			s.Fatalf("no hook %s %s came; the receiver's log:\n%s", event, action, s.lab.lines())
		}
	}
}

// record keeps the first payload of its kind for the fuzzers.
func (s *site) record(event, action string, body []byte) {
	name := strings.TrimSuffix(event+"-"+action, "-")
	if *update && !s.recorded[name] {
		s.recorded[name] = true
		s.must(os.MkdirAll("testdata/gitea", 0o755))
		s.must(os.WriteFile(filepath.Join("testdata/gitea", name+".json"), body, 0o644))
	}
}

func TestARealGitea(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		what string
		tell func(s *site)
	}{{"nudges", nudges}, {"without a secret is turned away", turnedAway}} {
		t.Run(c.what, func(t *testing.T) {
			own := *s
			own.T = t
			c.tell(&own)
		})
	}
}

func nudges(s *site) {
	s.commit("main")
	for branch, kind := range map[string]hook.Kind{"main": hook.Push, "other": hook.Ignored} {
		s.must(s.git.PushBranch(s.repo, branch, s.dir, "main"))
		commit, err := forgetest.Git(s.dir, "rev-parse", "main")
		s.must(err)
		e := s.hears("push", "")
		for e.Commit != commit { // that of the repository's beginning may come late
			e = s.hears("push", "")
		}
		if e.Kind != kind || e.Ref != "refs/heads/"+branch || e.Base != "main" || e.Repo != s.repo {
			s.Errorf("a push: %+v", e)
		}
	}

	s.commit("change")
	var err error
	s.pull, err = s.git.OpenPull(forgetest.NewPull{Repo: s.repo, Author: "ada", Title: "a change", Dir: s.dir, Ref: "change"})
	s.must(err)
	s.hears("pull_request", "opened")
	s.commit("change")
	_, err = s.git.Push(s.repo, s.pull, s.dir, "change")
	s.must(err)
	if e := s.hears("pull_request", "synchronized"); e.Kind != hook.Pull || e.Pull != s.pull || e.Commit == "" || e.Base != "main" {
		s.Errorf("a push to a pull request: %+v", e)
	}

	id, err := s.git.Comment(s.repo, s.pull, "ada", "!testme")
	s.must(err)
	e := s.hears("issue_comment", "created")
	if e.Kind != hook.Comment || e.CommentID != id || e.Pull != s.pull || e.Sender.Login != "ada" || e.Sender.ID == 0 || e.Delivery == "" {
		s.Errorf("a comment: %+v", e)
	}
	s.must(s.p.LookAt(s.Context(), e.Repo))
	seen, err := s.m.OpenComments(s.Context())
	s.must(err)
	if len(seen) != 1 || seen[0].ID != id {
		s.Errorf("the nudge led to %+v", seen)
	}
	s.must(s.git.EditComment(s.repo, id, "ada", "!testme again"))
	if e := s.hears("issue_comment", "edited"); e.Kind != hook.Ignored {
		s.Errorf("an edit: %+v", e)
	}
	s.must(s.git.DeleteComment(s.repo, id, "ada"))
	if e := s.hears("issue_comment", "deleted"); e.Kind != hook.Ignored {
		s.Errorf("a deletion: %+v", e)
	}
	issue, err := s.git.AddIssue(s.repo, "ada", "a question")
	s.must(err)
	_, err = s.git.Comment(s.repo, issue, "ada", "!testme")
	s.must(err)
	if e := s.hears("issue_comment", "created"); e.Kind != hook.Ignored {
		s.Errorf("a comment on an issue: %+v", e)
	}
	s.must(s.git.ClosePull(s.repo, s.pull))
	if e := s.hears("pull_request", "closed"); e.Kind != hook.Pull {
		s.Errorf("a closed pull request: %+v", e)
	}
	s.delivered(hook.Push, hook.Pull, hook.Comment, hook.Pull)
}

// delivered are the kinds, in order; repeats at once count as one.
func (s *site) delivered(want ...hook.Kind) {
	s.Helper()
	deadline := time.Now().Add(5 * time.Second)
	var got []hook.Kind
	for time.Now().Before(deadline) && len(got) < len(want) {
		for _, e := range s.lab.events() {
			got = slices.Compact(append(got, e.Kind))
		}
		time.Sleep(5 * time.Millisecond)
	}
	if !slices.Equal(got, want) {
		s.Errorf("delivered were %v, want %v", got, want)
	}
}

func turnedAway(s *site) {
	server := httptest.NewServer(s.tape)
	s.Cleanup(server.Close)
	r, err := s.git.AddRepo("coop", "open", s.dir)
	s.must(err)
	r.Forge = "git"
	s.must(s.git.AddHook(r, server.URL+hook.Path("git"), ""))
	s.commit("main")
	s.must(s.git.PushBranch(r, "main", s.dir, "main"))
	for s.hears("push", "").Repo != r { // of what was told before, something may come late
	}
	if line := s.lab.lines(); !bytes.Contains([]byte(line), []byte("result=unsigned")) || !bytes.Contains([]byte(line), []byte("signature is empty")) {
		s.Errorf("it was logged as %s", line)
	}
}
