package forgetest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

// listener is an address that webhooks are posted to.
type listener struct {
	*httptest.Server
	mu  sync.Mutex
	got []heard
}

type heard struct {
	header  http.Header
	body    []byte
	payload map[string]any
}

func listen(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := heard{header: r.Header.Clone(), body: body}
		json.Unmarshal(body, &h.payload)
		l.mu.Lock()
		l.got = append(l.got, h)
		l.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(l.Close)
	return l
}

// took empties what was heard, as event and action.
func (l *listener) took() (words []string, all []heard) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.got {
		action, _ := h.payload["action"].(string)
		words = append(words, strings.TrimSuffix(h.header.Get("X-GitHub-Event")+" "+action, " "))
	}
	all, l.got = l.got, nil
	return words, all
}

// talk does to a repository what hooks tell.
func talk(t *testing.T, s *forgetest.Server, repo forge.Repo, pull int, dir string) {
	t.Helper()
	id, err := s.Comment(repo, pull, "bob", "!testme")
	must(t, err)
	must(t, s.EditComment(repo, id, "bob", "never mind"))
	must(t, s.DeleteComment(repo, id, "bob"))
	_, err = forgetest.Git(dir, "commit", "--quiet", "--allow-empty", "-m", "more")
	must(t, err)
	_, err = s.Push(repo, pull, dir, "HEAD")
	must(t, err)
	must(t, s.PushBranch(repo, "main", dir, "HEAD"))
	must(t, s.ClosePull(repo, pull))
}

func TestHooksTellWhatHappens(t *testing.T) {
	for _, kind := range []forgetest.ForgeKind{forgetest.Gitea, forgetest.Forgejo, forgetest.GitHub} {
		g := newForge(t, kind)
		l := listen(t)
		g.SyncHooks(true)
		must(t, g.AddHook(g.repo, l.URL+"/hook", "s3cret"))
		talk(t, g.Server, g.repo, g.pull, g.dir)
		words, all := l.took()
		want := []string{"ping", "issue_comment created", "issue_comment edited", "issue_comment deleted", "pull_request synchronize", "push", "pull_request closed"}
		if kind != forgetest.GitHub {
			want = slices.Replace(want[1:], 3, 4, "pull_request synchronized")
		}
		if !slices.Equal(words, want) {
			t.Errorf("kind %d said %q, want %q", kind, words, want)
		}
		for _, h := range all {
			mac := hmac.New(sha256.New, []byte("s3cret"))
			mac.Write(h.body)
			sum := hex.EncodeToString(mac.Sum(nil))
			if h.header.Get("X-Hub-Signature-256") != "sha256="+sum {
				t.Errorf("kind %d: the signature is %q", kind, h.header.Get("X-Hub-Signature-256"))
			}
			if (h.header.Get("X-Gitea-Signature") == sum) != (kind != forgetest.GitHub) || (h.header.Get("X-Forgejo-Signature") == sum) != (kind == forgetest.Forgejo) {
				t.Errorf("kind %d has %v", kind, h.header)
			}
			if h.header.Get("X-GitHub-Delivery") == "" || h.payload["repository"].(map[string]any)["full_name"] != "coop/app" {
				t.Errorf("kind %d: %v", kind, h.payload)
			}
		}
		edited := all[slices.Index(words, "issue_comment edited")]
		if from := edited.payload["changes"].(map[string]any)["body"].(map[string]any)["from"]; from != "!testme" {
			t.Errorf("kind %d: edited from %v", kind, from)
		}
		if kind != forgetest.GitHub && (edited.header.Get("X-Gitea-Event-Type") != "pull_request_comment" || edited.payload["is_pull"] != true) {
			t.Errorf("a comment on a pull request: %v, %v", edited.header, edited.payload["is_pull"])
		}
	}
}

func TestAHookWithoutASecretIsNotSigned(t *testing.T) {
	for kind, want := range map[forgetest.ForgeKind]string{forgetest.Gitea: "sha256=", forgetest.GitHub: ""} {
		g := newForge(t, kind)
		l := listen(t)
		must(t, g.AddHook(g.repo, l.URL, ""))
		_, err := g.Comment(g.repo, g.pull, "bob", "hello")
		must(t, err)
		g.WaitHooks()
		_, all := l.took()
		if last := all[len(all)-1]; last.header.Get("X-Hub-Signature-256") != want || last.header.Get("X-Gitea-Signature") != "" {
			t.Errorf("kind %d: %v", kind, last.header)
		}
	}
}

func TestAHookIsNotRepeatedButOnRequest(t *testing.T) {
	g := newGitHub(t)
	broken := httptest.NewServer(http.NotFoundHandler())
	must(t, g.AddHook(g.repo, broken.URL, "x"))
	g.WaitHooks()
	broken.Close()
	_, err := g.Comment(g.repo, g.pull, "bob", "hello")
	must(t, err)
	g.WaitHooks()
	done := g.Deliveries()
	if len(done) != 2 || done[0].Status != 404 || done[1].Err == nil || done[1].Event != "issue_comment" || done[1].Action != "created" {
		t.Fatalf("%+v", done)
	}
	if !g.Redeliver(done[1].GUID) || g.Redeliver("nothing") {
		t.Error("the button does not work")
	}
	g.WaitHooks()
	if again := g.Deliveries(); len(again) != 3 || again[2].GUID != done[1].GUID {
		t.Errorf("%+v", again)
	}
}

func TestAMergeGroupIsABranchThatAsksForChecks(t *testing.T) {
	g := newGitHub(t)
	l := listen(t)
	g.SyncHooks(true)
	must(t, g.AddHook(g.repo, l.URL, "x"))
	ref, commit, err := g.MergeGroup(g.repo, g.pull)
	must(t, err)
	words, all := l.took()
	if !slices.Equal(words, []string{"ping", "push", "merge_group checks_requested"}) {
		t.Fatalf("said %q", words)
	}
	group := all[2].payload["merge_group"].(map[string]any)
	if group["head_sha"] != commit || group["head_ref"] != ref || !strings.HasPrefix(ref, "refs/heads/gh-readonly-queue/main/pr-1-") {
		t.Errorf("%v at %s: %v", ref, commit, group)
	}
	branch := g.get("/repos/coop/app/branches/" + strings.TrimPrefix(ref, "refs/heads/"))
	if branch.status != 200 || !strings.Contains(branch.body, commit) {
		t.Errorf("its branch: %+v", branch)
	}
}
