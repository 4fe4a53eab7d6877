package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forges"
	"seatrial/bridge/hook"
	"seatrial/internal/state"
	"seatrial/store"
)

// ear is nudged.
type ear struct{ heard chan hook.Event }

func (ear) Enrolled(r forge.Repo) bool                { return r.Name == "guestbook" }
func (e ear) Hooked(_ context.Context, ev hook.Event) { e.heard <- ev }

func pushTo(h http.Handler, path, repo, secret string) int {
	body := []byte(`{"ref":"refs/heads/main","repository":{"full_name":"` + repo + `","default_branch":"main"}}`)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Gitea-Event", "push")
	r.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestWebhooksAreReceivedOnceThereIsASecretAndWhileItIsReplaced(t *testing.T) {
	sv := hooked(t, forges.Forge{ID: "gitea", Kind: forges.Gitea}, forges.Forge{ID: "hub", Kind: forges.GitHub})
	to := ear{make(chan hook.Event, 10)}
	if h, err := hooksOf(sv, to); h != nil || err != nil {
		t.Fatalf("without a secret: %v, %v", h, err)
	}
	path := sv.State.WebhookFile("gitea")
	keep := func(all ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const first, second = "the-first-secret", "the-second-secret"
	keep(first)
	h, err := hooksOf(sv, to)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	defer func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	want := func(secret string, status int) {
		t.Helper()
		if got := pushTo(h, "/hook/gitea", "coop/guestbook", secret); got != status {
			t.Errorf("answered with %d, want %d", got, status)
		}
	}
	want(first, 202)
	if e := <-to.heard; e.Kind != hook.Push || e.Repo.String() != "coop/guestbook" {
		t.Errorf("heard %+v", e)
	}
	keep(second, first)
	want(first, 202)
	want(second, 202)
	keep(second)
	want(first, 401)
	want(second, 202)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want(second, 202)
	if status := pushTo(h, "/hook/hub", "coop/guestbook", second); status != 404 {
		t.Errorf("a forge without a secret is answered with %d", status)
	}

	pushTo(h, "/hook/gitea", "coop/wiki", second)
	now := time.Now()
	if s := shownUnenrolled(t.Context(), sv.journal, to.Enrolled, now); len(s) != 1 || s[0].Repo != "coop/wiki" || s[0].Forge != "gitea" {
		t.Errorf("unenrolled: %+v", s)
	}
	if s := shownUnenrolled(t.Context(), sv.journal, func(forge.Repo) bool { return true }, now); len(s) != 0 {
		t.Errorf("enrolled since, and still shown: %+v", s)
	}
	if s := shownUnenrolled(t.Context(), sv.journal, to.Enrolled, now.Add(31*24*time.Hour)); len(s) != 0 {
		t.Errorf("quiet for long, and still shown: %+v", s)
	}
}

// A read that failed is tried again with the next hook, even if the file then looks as before.
func TestAWebhooksSecretIsReadAgainAfterAReadThatFailed(t *testing.T) {
	sv := hooked(t)
	path := sv.State.WebhookFile("gitea")
	if err := os.WriteFile(path, []byte("old!"), 0o600); err != nil {
		t.Fatal(err)
	}
	get, err := HookSecrets(sv.State, forges.Forge{ID: "gitea"}, sv.Log)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Minute)
	for _, c := range []struct{ text, want string }{{"    ", "old!"}, {"new!", "new!"}} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if all := get(); len(all) != 1 || all[0].Reveal() != c.want {
			t.Errorf("after %q: %d secrets, want %q", c.text, len(all), c.want)
		}
	}
}

func TestSecretsThatCannotBe(t *testing.T) {
	sv := hooked(t, forges.Forge{ID: "gitea", Kind: forges.Gitea})
	sv.HookSHA1 = []string{"hub"}
	if _, err := hooksOf(sv, ear{}); err == nil || !strings.Contains(err.Error(), "there is no such forge") {
		t.Errorf("SHA-1 for a forge that is not there: %v", err)
	}
	sv.HookSHA1 = nil
	if err := os.WriteFile(sv.State.WebhookFile("gitea"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hooksOf(sv, ear{}); err == nil || !strings.Contains(err.Error(), "the file is empty") {
		t.Errorf("an empty secret: %v", err)
	}
}

// hooked is a server that knows the forges, and nothing else.
func hooked(t *testing.T, list ...forges.Forge) *Server {
	t.Helper()
	folder := state.Folder(t.TempDir())
	if _, err := folder.Own(state.WebhookDir); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), folder.Path(state.JournalFile), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &Server{Config: Config{State: folder, Forges: list, Log: slog.New(slog.DiscardHandler)}, journal: db}
}

func hooksOf(sv *Server, to nudged) (*hook.Receiver, error) {
	all, err := sv.hookForges()
	if err != nil {
		return nil, err
	}
	return sv.newHooks(all, to)
}
