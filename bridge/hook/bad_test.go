package hook_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/hook"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// bad is each way in which a hook can be wrong or of no use. Nothing of it is delivered.
var bad = []struct {
	name string
	make func() *http.Request
}{
	{"unsigned", func() *http.Request {
		return unsigned("git", "X-Gitea-Signature", "X-Hub-Signature-256", "X-Hub-Signature")
	}},
	{"wrongly signed", func() *http.Request {
		return with("git", "X-Gitea-Signature", sha256Of("another secret", []byte(created)))
	}},
	{"empty signature of a Gitea without a secret", func() *http.Request { return with("git", "X-Gitea-Signature", "") }},
	{"empty signature of another forge without a secret", func() *http.Request { return with("hub", "X-Hub-Signature-256", "sha256=") }},
	{"signed with an empty secret", func() *http.Request { return with("git", "X-Gitea-Signature", sha256Of("", []byte(created))) }},
	{"signature without its beginning", func() *http.Request {
		return with("hub", "X-Hub-Signature-256", sha256Of(secret, []byte(created)))
	}},
	{"signature of the wrong length", func() *http.Request { return with("git", "X-Gitea-Signature", "abcd") }},
	{"signature that is not hexadecimal", func() *http.Request { return with("git", "X-Gitea-Signature", strings.Repeat("zz", 32)) }},
	{"two signatures, one of them right", func() *http.Request {
		r := request("git", "issue_comment", []byte(created))
		r.Header.Add("X-Gitea-Signature", strings.Repeat("00", 32))
		return r
	}},
	{"Forgejo's own signature wrong, Gitea's right", func() *http.Request {
		return with("berg", "X-Forgejo-Signature", strings.Repeat("00", 32))
	}},
	{"SHA-1 only", func() *http.Request { return unsigned("hub", "X-Hub-Signature-256") }},
	{"SHA-1 right and SHA-256 wrong, where SHA-1 is allowed", func() *http.Request {
		return with("old", "X-Hub-Signature-256", "sha256="+strings.Repeat("00", 32))
	}},
	{"SHA-1 for a forge of another kind", func() *http.Request { return unsigned("berg", "X-Forgejo-Signature", "X-Gitea-Signature") }},
	{"replayed", func() *http.Request { return request("git", "issue_comment", []byte(created)) }},
	{"truncated after it was signed", func() *http.Request {
		r := request("git", "issue_comment", []byte(created))
		r.Body = io.NopCloser(strings.NewReader(created[:100]))
		return r
	}},
	{"truncated before it was signed", func() *http.Request { return request("git", "issue_comment", []byte(created[:100])) }},
	{"connection broken half-way", func() *http.Request {
		r := request("git", "issue_comment", []byte(created))
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(created[:100]), broken{}))
		return r
	}},
	{"2 MiB", func() *http.Request { return request("git", "issue_comment", padded(2<<20)) }},
	{"2 MiB of unknown length", func() *http.Request {
		r := request("git", "issue_comment", padded(2<<20))
		r.ContentLength = -1
		return r
	}},
	{"a form", func() *http.Request {
		return with("git", "Content-Type", "application/x-www-form-urlencoded")
	}},
	{"no content type", func() *http.Request { return unsigned("git", "Content-Type") }},
	{"GET", func() *http.Request {
		r := request("git", "issue_comment", []byte(created))
		r.Method = http.MethodGet
		return r
	}},
	{"another forge's headers", func() *http.Request {
		r := request("hub", "issue_comment", []byte(created))
		r.URL.Path = hook.Path("git")
		return r
	}},
	{"unknown event", func() *http.Request { return request("hub", "watch", []byte(`{"action":"started",`+about+`}`)) }},
	{"unknown event with a log's poison in its name", func() *http.Request {
		return request("hub", strings.Repeat("x\n\x1b[31m", 100), []byte(`{"action":["started"]}`))
	}},
	{"unknown event that is no JSON", func() *http.Request { return request("hub", "watch", []byte(`started`)) }},
	{"review comment of Gitea", func() *http.Request { return request("git", "pull_request_comment", []byte(closed)) }},
	{"deleted comment", func() *http.Request { return request("git", "issue_comment", []byte(deleted)) }},
	{"edited comment", func() *http.Request { return request("git", "issue_comment", []byte(edited)) }},
	{"comment on an issue", func() *http.Request {
		return request("git", "issue_comment", []byte(strings.Replace(created, "true", "false", 1)))
	}},
	{"comment without a comment", func() *http.Request { return request("git", "issue_comment", []byte(`{"action":"created",`+about+`}`)) }},
	{"comment of the wrong shape", func() *http.Request {
		return request("git", "issue_comment", []byte(strings.Replace(created, "41", `"41"`, 1)))
	}},
	{"payload that is a list", func() *http.Request { return request("git", "issue_comment", []byte(`[1]`)) }},
	{"payload of nothing", func() *http.Request { return request("git", "issue_comment", nil) }},
	{"no repository", func() *http.Request { return request("git", "push", []byte(`{"ref":"refs/heads/main"}`)) }},
	{"repository without an owner", func() *http.Request {
		return request("git", "push", []byte(`{"ref":"refs/heads/main","repository":{"full_name":"guestbook"}}`))
	}},
	{"not enrolled", func() *http.Request { return request("git", "issue_comment", []byte(stranger)) }},
	{"renamed repository", func() *http.Request {
		return request("hub", "repository", []byte(`{"action":"renamed","changes":{"repository":{"name":{"from":"guestbook"}}},"repository":{"full_name":"coop/visitors"}}`))
	}},
	{"renamed repository that was never enrolled", func() *http.Request {
		return request("hub", "repository", []byte(`{"action":"renamed","changes":{"repository":{"name":{"from":"x"}}},"repository":{"full_name":"coop/y"}}`))
	}},
	{"transferred repository", func() *http.Request {
		return request("hub", "repository", []byte(`{"action":"transferred","changes":{"owner":{"from":{"organization":{"login":"coop"}}}},"repository":{"full_name":"guild/guestbook"}}`))
	}},
	{"repository with a name for a shell", func() *http.Request {
		return request("hub", "push", []byte(`{"ref":"refs/heads/main","repository":{"full_name":"coop/$(reboot)"}}`))
	}},
	{"deleted repository", func() *http.Request { return request("hub", "repository", []byte(`{"action":"deleted",`+about+`}`)) }},
	{"renamed user", func() *http.Request {
		return request("hub", "organization", []byte(`{"action":"renamed","organization":{"login":"guild"}}`))
	}},
	{"push to another branch", func() *http.Request {
		return request("git", "push", []byte(strings.Replace(pushed, "refs/heads/main", "refs/heads/x", 1)))
	}},
	{"deleted branch", func() *http.Request {
		return request("git", "push", []byte(strings.Replace(pushed, strings.Repeat("1", 40), strings.Repeat("0", 40), 1)))
	}},
	{"label on a pull request", func() *http.Request {
		return request("hub", "pull_request", []byte(strings.Replace(closed, "closed", "labeled", 1)))
	}},
	{"destroyed merge group", func() *http.Request {
		return request("hub", "merge_group", []byte(strings.Replace(grouped, "checks_requested", "destroyed", 1)))
	}},
	{"address of no forge", func() *http.Request {
		r := request("git", "issue_comment", []byte(created))
		r.URL.Path = "/hook/nobody"
		return r
	}},
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func with(f, name, value string) *http.Request {
	r := request(f, "issue_comment", []byte(created))
	r.Header.Set(name, value)
	return r
}

func unsigned(f string, names ...string) *http.Request {
	r := request(f, "issue_comment", []byte(created))
	for _, name := range names {
		r.Header.Del(name)
	}
	return r
}

// padded is a true comment of a given size.
func padded(size int) []byte {
	body := strings.Replace(created, "!testme", strings.Repeat("a", size-len(created)+len("!testme")), 1)
	return []byte(body)
}

// Each has its answer and its line in the log.
func TestBadInput(t *testing.T) {
	l := newLab(t, func(c *hook.Config) { c.Now = func() time.Time { return time.Unix(1_800_000_000, 0) } })
	if status, line := l.send(t, request("git", "issue_comment", []byte(created))); status != http.StatusAccepted {
		t.Fatal(line)
	}
	l.lines()
	var got bytes.Buffer
	for _, c := range bad {
		_, line := l.send(t, c.make())
		fmt.Fprintf(&got, "## %s\n%s\n%s\n", c.name, line, l.lines())
	}
	l.run(t)
	<-l.came
	if events := l.events(); len(events) != 1 {
		t.Errorf("delivered were %+v, want only the first, good one", events)
	}
	for _, hidden := range []string{secret, older, sha256Of(secret, []byte(created))} {
		if strings.Contains(got.String(), hidden) {
			t.Errorf("%q is shown", hidden)
		}
	}
	golden(t, "testdata/bad.txt", got.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// A body is read over a real connection, where one that is too large is cut off.
func TestALargeBodyIsAnsweredOverTheWire(t *testing.T) {
	l := newLab(t, nil)
	server := httptest.NewServer(l)
	defer server.Close()
	for size, want := range map[int]int{64 << 10: 202, 1 << 20: 202, 1<<20 + 1: 413, 2 << 20: 413} {
		body := padded(size)
		r := request("hub", "issue_comment", body)
		out, err := http.NewRequest(http.MethodPost, server.URL+hook.Path("hub"), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		out.Header = r.Header
		resp, err := server.Client().Do(out)
		if err != nil {
			t.Errorf("%d bytes: %v", size, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %s, want %d", size, resp.Status, want)
		}
	}
}
