package hook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/secrets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = "a-secret-of-the-forge"
	older  = "the-secret-before-it"
)

func held(texts ...string) func() []secrets.Value {
	var all []secrets.Value
	for _, text := range texts {
		all = append(all, secrets.New(text))
	}
	return func() []secrets.Value { return all }
}

// lab is a receiver and what it did.
type lab struct {
	*hook.Receiver
	config hook.Config

	mu         sync.Mutex
	log        bytes.Buffer
	delivered  []hook.Event
	unenrolled []forge.Repo
	came       chan struct{}
}

func (l *lab) noteUnenrolled(_ context.Context, r forge.Repo, _ time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unenrolled = append(l.unenrolled, r)
	return nil
}

func (l *lab) deliver(_ context.Context, e hook.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered = append(l.delivered, e)
	select {
	case l.came <- struct{}{}:
	default:
	}
}

// events are those that were delivered since the last call.
func (l *lab) events() []hook.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.delivered = nil }()
	return l.delivered
}

func (l *lab) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

// lines are what was logged since the last call.
func (l *lab) lines() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.log.Reset()
	return l.log.String()
}

// newLab makes a receiver of three forges; coop/guestbook is enrolled on each.
func newLab(t testing.TB, change func(*hook.Config)) *lab {
	t.Helper()
	l := &lab{came: make(chan struct{}, 1)}
	l.config = hook.Config{
		Forges: []hook.Forge{
			{ID: "git", Kind: hook.Gitea, Secrets: held(secret, older)},
			{ID: "berg", Kind: hook.Forgejo, Secrets: held(secret)},
			{ID: "hub", Kind: hook.GitHub, Secrets: held(secret)},
			{ID: "old", Kind: hook.GitHub, Secrets: held(secret), AllowSHA1: true},
		},
		Enrolled:   func(r forge.Repo) bool { return strings.EqualFold(r.String(), "coop/guestbook") },
		Deliver:    l.deliver,
		Unenrolled: l.noteUnenrolled,
		Log: slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
	}
	if change != nil {
		change(&l.config)
	}
	rc, err := hook.New(l.config)
	if err != nil {
		t.Fatal(err)
	}
	l.Receiver = rc
	return l
}

// run delivers until the test ends.
func (l *lab) run(t testing.TB) {
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func digest(made func() hash.Hash, key string, body []byte) string {
	mac := hmac.New(made, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func sha256Of(key string, body []byte) string { return digest(sha256.New, key, body) }
func sha1Of(key string, body []byte) string   { return digest(sha1.New, key, body) }

// request is what a forge would send, signed as it would be.
func request(f, event string, body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, hook.Path(f), bytes.NewReader(body))
	r.RemoteAddr = "192.0.2.7:4711"
	set := func(name, value string) { r.Header.Set(name, value) }
	set("Content-Type", "application/json")
	set("X-Hub-Signature-256", "sha256="+sha256Of(secret, body))
	set("X-Hub-Signature", "sha1="+sha1Of(secret, body))
	set("X-GitHub-Event", event)
	set("X-GitHub-Delivery", "d-1")
	if f == "git" || f == "berg" {
		set("X-Gitea-Signature", sha256Of(secret, body))
		set("X-Gitea-Event", event)
		set("X-Gitea-Delivery", "d-1")
	}
	if f == "berg" {
		set("X-Forgejo-Signature", sha256Of(secret, body))
		set("X-Forgejo-Event", event)
		set("X-Forgejo-Delivery", "d-1")
	}
	return r
}

// send gives a request to the receiver and returns the answer in one line.
func (l *lab) send(t testing.TB, r *http.Request) (status int, line string) {
	t.Helper()
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	resp := w.Result()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	line = resp.Status
	for _, name := range []string{"Allow", "Retry-After"} {
		if value := resp.Header.Get(name); value != "" {
			line += fmt.Sprintf(" [%s: %s]", name, value)
		}
	}
	return resp.StatusCode, line + " " + strings.TrimSpace(string(text))
}

const (
	about    = `"repository":{"full_name":"coop/guestbook","default_branch":"main"},"sender":{"id":5,"login":"ada"}`
	created  = `{"action":"created","is_pull":true,"issue":{"number":7},"comment":{"id":41,"body":"!testme"},` + about + `}`
	edited   = `{"action":"edited","is_pull":true,"issue":{"number":7},"comment":{"id":41,"body":"!testme"},` + about + `}`
	deleted  = `{"action":"deleted","is_pull":true,"issue":{"number":7},"comment":{"id":41,"body":"!testme"},` + about + `}`
	pushed   = `{"ref":"refs/heads/main","after":"1111111111111111111111111111111111111111",` + about + `}`
	closed   = `{"action":"closed","number":7,"pull_request":{"head":{"ref":"change","sha":"2222222222222222222222222222222222222222"},"base":{"ref":"main"}},` + about + `}`
	grouped  = `{"action":"checks_requested","merge_group":{"head_sha":"3333333333333333333333333333333333333333","head_ref":"refs/heads/gh-readonly-queue/main/pr-7","base_ref":"refs/heads/main"},` + about + `}`
	stranger = `{"action":"created","is_pull":true,"issue":{"number":7},"comment":{"id":41},"repository":{"full_name":"coop/wiki"},"sender":{"id":5,"login":"ada"}}`
)
