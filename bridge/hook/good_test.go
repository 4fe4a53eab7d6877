package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/internal/must"
)

var ada = forge.Person{ID: 5, Login: "ada"}

func TestGoodHooksAreDelivered(t *testing.T) {
	for _, c := range []struct {
		forge, event, body string
		want               hook.Event
	}{
		{"git", "issue_comment", created, hook.Event{Kind: hook.Comment, Action: "created", Pull: 7, CommentID: 41}},
		{"berg", "issue_comment", created, hook.Event{Kind: hook.Comment, Action: "created", Pull: 7, CommentID: 41}},
		{"hub", "issue_comment", strings.Replace(created, `"is_pull":true,"issue":{"number":7}`, `"issue":{"number":7,"pull_request":{"url":"x"}}`, 1),
			hook.Event{Kind: hook.Comment, Action: "created", Pull: 7, CommentID: 41}},
		{"git", "push", pushed, hook.Event{Kind: hook.Push, Ref: "refs/heads/main", Commit: strings.Repeat("1", 40), Base: "main"}},
		{"git", "pull_request", closed, hook.Event{Kind: hook.Pull, Action: "closed", Pull: 7, Commit: strings.Repeat("2", 40), Base: "main"}},
		{"git", "pull_request", strings.Replace(closed, "closed", "synchronized", 1),
			hook.Event{Kind: hook.Pull, Action: "synchronized", Pull: 7, Commit: strings.Repeat("2", 40), Base: "main"}},
		{"hub", "merge_group", grouped, hook.Event{Kind: hook.MergeGroup, Action: "checks_requested", Ref: "refs/heads/gh-readonly-queue/main/pr-7",
			Commit: strings.Repeat("3", 40), Base: "main"}},
	} {
		t.Run(c.forge+" "+c.event, func(t *testing.T) {
			l := newLab(t, nil)
			l.run(t)
			if status, line := l.send(t, request(c.forge, c.event, []byte(c.body))); status != http.StatusAccepted {
				t.Fatal(line)
			}
			<-l.came
			c.want.Forge, c.want.Sender, c.want.Delivery = c.forge, ada, "d-1"
			c.want.Repo = forge.Repo{Forge: c.forge, Owner: "coop", Name: "guestbook"}
			if d := cmp.Diff([]hook.Event{c.want}, l.events()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAPingIsAnswered(t *testing.T) {
	l := newLab(t, nil)
	for _, body := range []string{`{"zen":"Keep it logically awesome."}`, `{"zen":"x",` + about + `}`} {
		if status, line := l.send(t, request("hub", "ping", []byte(body))); status != http.StatusAccepted || !strings.Contains(line, "The hook works") {
			t.Error(line)
		}
	}
}

func TestSecretsAreReplacedWithoutLosingAHook(t *testing.T) {
	l := newLab(t, nil)
	for key, want := range map[string]int{secret: 202, older: 202, "the one before both": 401} {
		r := with("git", "X-Gitea-Signature", sha256Of(key, []byte(created)))
		if status, line := l.send(t, r); status != want {
			t.Errorf("signed with %q: %s", key, line)
		}
	}
	if status, line := l.send(t, unsigned("old", "X-Hub-Signature-256")); status != 202 {
		t.Errorf("SHA-1 where it is allowed: %s", line)
	}
}

func TestTheAddressTellsTheForge(t *testing.T) {
	l := newLab(t, nil)
	l.run(t)
	for path, want := range map[string]string{"/api/v1/gitea": "git", "/api/v1/forgejo": "berg", "/api/v1/github": "hub", "/hook/old": "old"} {
		r := request("berg", "push", []byte(pushed)) // it has the headers of all
		r.URL.Path = path
		if status, line := l.send(t, r); status != 202 || !l.Owns(r) {
			t.Fatalf("%s: %s", path, line)
		}
		<-l.came
		if e := l.events(); len(e) != 1 || e[0].Forge != want || e[0].Repo.Forge != want {
			t.Errorf("%s: %+v, want one of %s", path, e, want)
		}
	}
	other := request("git", "push", nil)
	for _, path := range []string{"/hook", "/hook/", "/hook/nobody", "/hook/git/x", "/hook/cap+cap", "/api/v1/run", "/"} {
		if other.URL.Path = path; l.Owns(other) {
			t.Errorf("%s is taken for an address of hooks", path)
		}
	}
}

func TestWithoutASecretNothingIsReceived(t *testing.T) {
	enrolled := func(forge.Repo) bool { return true }
	deliver := func(context.Context, hook.Event) {}
	for name, c := range map[string]struct {
		forges []hook.Forge
		want   string
	}{
		"no secrets":      {[]hook.Forge{{ID: "a", Kind: hook.Gitea}}, "it has no secret"},
		"none":            {[]hook.Forge{{ID: "a", Kind: hook.Gitea, Secrets: held()}}, "it has no secret"},
		"an empty one":    {[]hook.Forge{{ID: "a", Kind: hook.Gitea, Secrets: held("")}}, "seatrial webhook secret --forge a"},
		"a kind of whose": {[]hook.Forge{{ID: "a", Kind: "svn", Secrets: held("x")}}, "must be gitea, forgejo or github"},
		"two of an id":    {[]hook.Forge{{ID: "a", Kind: hook.Gitea, Secrets: held("x")}, {ID: "a", Kind: hook.GitHub, Secrets: held("x")}}, "two of this id"},
		"an id like caps": {[]hook.Forge{{ID: "a+b", Kind: hook.Gitea, Secrets: held("x")}}, "one word"},
	} {
		if _, err := hook.New(hook.Config{Forges: c.forges, Enrolled: enrolled, Deliver: deliver}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := hook.New(hook.Config{Forges: []hook.Forge{{ID: "a", Kind: hook.Gitea, Secrets: held("x")}}}); err == nil {
		t.Error("nobody is there to be nudged, and that was no error")
	}
}

func TestAStrangerIsWrittenDownOnceAnHour(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLab(t, func(c *hook.Config) { c.Now = func() time.Time { return now } })
	for i := range 60 * 3 {
		r := request("git", "issue_comment", []byte(stranger))
		r.Header.Set("X-Gitea-Delivery", fmt.Sprint(i))
		l.send(t, r)
		now = now.Add(time.Minute)
	}
	if n := len(l.unenrolled); n != 3 || l.unenrolled[0].String() != "coop/wiki" {
		t.Errorf("it was written down %d times: %v", n, l.unenrolled)
	}
}

func TestAReplayHasItsEffectAgainAfterAMinute(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLab(t, func(c *hook.Config) { c.Now = func() time.Time { return now } })
	said := func() string {
		_, line := l.send(t, request("git", "issue_comment", []byte(created)))
		return line
	}
	first, second := said(), said()
	now = now.Add(time.Minute)
	third := said()
	if first != third || !strings.Contains(first, "Looking at coop/guestbook now.") || !strings.Contains(second, "came a moment ago") {
		t.Errorf("%s / %s / %s", first, second, third)
	}
	// The id is not signed: another's body under it is not a replay.
	if _, line := l.send(t, request("git", "pull_request", []byte(closed))); !strings.Contains(line, "Looking at") {
		t.Error(line)
	}
}

func TestEventsAboutTheSameAreDeliveredAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		kinds, now, most := map[hook.Kind]int{}, map[hook.Kind]int{}, 0
		l := newLab(t, func(c *hook.Config) {
			c.Deliver = func(_ context.Context, e hook.Event) {
				mu.Lock()
				kinds[e.Kind]++
				now[e.Kind]++
				most = max(most, now[e.Kind])
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now[e.Kind]--
				mu.Unlock()
			}
		})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		send := func(i int) {
			for event, body := range map[string]string{"issue_comment": strings.Replace(created, "41", fmt.Sprint(100+i), 1), "push": pushed, "pull_request": closed} {
				r := request("git", event, []byte(body))
				r.Header.Set("X-Gitea-Delivery", fmt.Sprint(event, i))
				l.send(t, r)
			}
		}
		send(0)
		synctest.Wait() // they are being delivered
		for i := range 500 {
			send(1 + i)
		}
		time.Sleep(10 * time.Second)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := map[hook.Kind]int{hook.Comment: 2, hook.Push: 2, hook.Pull: 2}
		if d := cmp.Diff(want, kinds); d != "" || most != 1 {
			t.Errorf("%d of one kind at once; delivered: %s", most, d)
		}
	})
}

func TestAForgeThatHangsDelaysNoOthersHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back, delivered := make(chan struct{}), make(chan string, 100)
		l := newLab(t, func(c *hook.Config) {
			c.Deliver = func(_ context.Context, e hook.Event) {
				if e.Forge == "hub" {
					<-back
				}
				delivered <- e.Forge
			}
		})
		l.run(t)
		const hanging = 20
		for n := range hanging {
			r := request("hub", "pull_request", []byte(strings.Replace(closed, `"number":7`, fmt.Sprintf(`"number":%d`, 1+n), 1)))
			r.Header.Set("X-Github-Delivery", fmt.Sprint(n))
			l.send(t, r)
		}
		l.send(t, request("git", "push", []byte(pushed)))
		synctest.Wait()
		if n := len(delivered); n != 1 || <-delivered != "git" {
			t.Errorf("%d hooks were delivered while the hub hung", n)
		}
		close(back)
		synctest.Wait()
		if n := len(delivered); n != hanging {
			t.Errorf("%d of the hub's were delivered when it was back, want %d", n, hanging)
		}
	})
}

func TestTooManyEventsBecomeOneLookAtTheWholeRepository(t *testing.T) {
	l := newLab(t, func(c *hook.Config) { c.MaxWaiting = 3 })
	pull := func(n int) string { return strings.Replace(closed, `"number":7`, fmt.Sprintf(`"number":%d`, n), 1) }
	send := func(f, event, body string, i int) int {
		r := request(f, event, []byte(body))
		r.Header.Set("X-Github-Delivery", fmt.Sprint(f, event, i))
		status, _ := l.send(t, r)
		return status
	}
	for i := 1; i <= 100; i++ {
		if status := send("hub", "pull_request", pull(i), i); status != http.StatusAccepted {
			t.Fatal(status)
		}
	}
	if status := send("hub", "merge_group", grouped, 1); status != http.StatusServiceUnavailable {
		t.Errorf("a merge group that cannot wait was answered with %d", status)
	}
	l.run(t)
	for n := 0; n < 4; {
		<-l.came
		n += len(l.events())
	}
	if status := send("hub", "merge_group", grouped, 1); status != http.StatusAccepted {
		t.Errorf("the same, delivered again: %d", status)
	}
}

// The recorded comments are all on issues.
func TestRecordedPayloadsOfGitHubAreUnderstood(t *testing.T) {
	seen := map[string]int{}
	for _, p := range recorded(t) {
		h := http.Header{}
		h.Set("X-Github-Event", p.event)
		e, err := hook.Parse(hook.Forge{ID: "hub", Kind: hook.GitHub}, h, p.body)
		if err != nil {
			t.Errorf("%s: %v", p.event, err)
		}
		seen[p.event+": "+string(e.Kind)]++
	}
	for _, want := range []string{"issue_comment: ignored", "push: push", "pull_request: pull", "merge_group: merge-group", "ping: ping"} {
		if seen[want] == 0 {
			t.Errorf("no recorded payload is %q: %v", want, seen)
		}
	}
}

type payload struct {
	event string
	body  []byte
}

// recorded are the payloads of the npm package @octokit/webhooks-examples, each once.
func recorded(t testing.TB) []payload {
	t.Helper()
	all, err := readRecorded()
	must.Have(t, "octokit", err != nil || len(all) > 0, "the payloads that GitHub's users recorded are not in .cache/octokit: dev/prepare test fetches them")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var readRecorded = sync.OnceValues(func() (all []payload, err error) {
	var files []string
	for _, of := range []string{"api.github.com", "ghes-*"} {
		found, err := filepath.Glob("../../.cache/octokit/*/" + of + "/index.json")
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	seen := map[string]bool{} // the versions of GitHub's server share most of theirs
	for _, file := range files {
		var events []struct {
			Name     string
			Examples []json.RawMessage
		}
		text, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr, json.Unmarshal(text, &events))
		for _, e := range events {
			for _, body := range e.Examples {
				if key := e.Name + string(body); !seen[key] {
					seen[key] = true
					all = append(all, payload{e.Name, body})
				}
			}
		}
	}
	return all, err
})
