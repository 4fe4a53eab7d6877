package cli

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
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forges"
	"seatrial/bridge/hook"
	"seatrial/bridge/ledger"
	"seatrial/bridge/ledger/ledgertest"
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
	g := Globals{State: t.TempDir()}
	list := []forges.Forge{{ID: "gitea", Kind: forges.Gitea}, {ID: "hub", Kind: forges.GitHub}}
	memory, to, log := ledgertest.New(), ear{make(chan hook.Event, 10)}, slog.New(slog.DiscardHandler)
	if h, err := hooksOf(g, hookOptions{}, list, to, memory, log); h != nil || err != nil {
		t.Fatalf("without a secret: %v, %v", h, err)
	}
	path, err := g.webhookFile("gitea")
	if err != nil {
		t.Fatal(err)
	}
	first, err := changeSecrets(path, false, false)
	if err != nil {
		t.Fatal(err)
	}
	h, err := hooksOf(g, hookOptions{}, list, to, memory, log)
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
	want(first[0], 202)
	if e := <-to.heard; e.Kind != hook.Push || e.Repo.String() != "coop/guestbook" {
		t.Errorf("heard %+v", e)
	}
	second, err := changeSecrets(path, true, false)
	if err != nil {
		t.Fatal(err)
	}
	want(first[0], 202)
	want(second[0], 202)
	if _, err := changeSecrets(path, false, true); err != nil {
		t.Fatal(err)
	}
	want(first[0], 401)
	want(second[0], 202)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want(second[0], 202)
	if status := pushTo(h, "/hook/hub", "coop/guestbook", second[0]); status != 404 {
		t.Errorf("a forge without a secret is answered with %d", status)
	}

	pushTo(h, "/hook/gitea", "coop/wiki", second[0])
	now := time.Now()
	if s := shownUnenrolled(t.Context(), memory, to.Enrolled, now); len(s) != 1 || s[0].Repo != "coop/wiki" || s[0].Forge != "gitea" {
		t.Errorf("not enrolled: %+v", s)
	}
	if s := shownUnenrolled(t.Context(), memory, func(forge.Repo) bool { return true }, now); len(s) != 0 {
		t.Errorf("enrolled since, and still shown: %+v", s)
	}
	if s := shownUnenrolled(t.Context(), memory, to.Enrolled, now.Add(31*24*time.Hour)); len(s) != 0 {
		t.Errorf("quiet for long, and still shown: %+v", s)
	}
}

func TestWebhookOptionsThatCannotBe(t *testing.T) {
	g := Globals{State: t.TempDir()}
	list := []forges.Forge{{ID: "gitea", Kind: forges.Gitea}}
	for _, c := range []struct {
		o    hookOptions
		want string
	}{
		{hookOptions{TrustProxy: []string{"10.0.0.0/8", "proxy"}}, "write it like 10.0.0.7 or 10.0.0.0/8"},
		{hookOptions{HookSHA1: []string{"hub"}}, "there is no such forge"},
	} {
		if _, err := hooksOf(g, c.o, list, ear{}, ledgertest.New(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	if all, err := (hookOptions{TrustProxy: []string{"10.0.0.7", "2001:db8::/32"}}).proxies(); err != nil || len(all) != 2 || all[0].Bits() != 32 {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.MkdirAll(filepath.Join(g.State, webhookDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.State, webhookDir, "gitea"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hooksOf(g, hookOptions{}, list, ear{}, ledgertest.New(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "the file is empty") {
		t.Errorf("an empty secret: %v", err)
	}
}

func hooksOf(g Globals, o hookOptions, list []forges.Forge, to nudged, unenrolled ledger.Unenrolled, log *slog.Logger) (*hook.Receiver, error) {
	all, err := hookForges(g, o, list, log)
	if err != nil {
		return nil, err
	}
	return newHooks(o, all, to, unenrolled, log)
}
