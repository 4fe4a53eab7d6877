package token

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/forge"
)

func TestATokenIsFoundUntilItExpiresOrIsRevoked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	operator, server := Open(path), Open(path)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	operator.now = func() time.Time { return now }
	server.now = operator.now
	if _, ok, err := server.Find(API, "x"); ok || err != nil {
		t.Fatalf("before: %v, %v", ok, err)
	}
	secret, err := operator.Add(Token{Name: "ci", Kind: API, Expires: now.Add(time.Hour)}, false)
	if err != nil || !strings.HasPrefix(secret, tokenPrefix) {
		t.Fatal(secret, err)
	}
	found, ok, err := server.Find(API, secret)
	if err != nil || !ok || found.Name != "ci" {
		t.Errorf("got %+v, %v, %v", found, ok, err)
	}
	if _, ok, _ := server.Find(Hook, secret); ok {
		t.Error("an API token passes for a hook's")
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), secret) {
		t.Errorf("the token stands in the file: %s, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode: %v, %v", info, err)
	}
	if _, err := operator.Add(Token{Name: "CI", Kind: API}, false); !errors.Is(err, ErrTaken) {
		t.Errorf("a second one of the name: %v", err)
	}
	next, err := operator.Add(Token{Name: "ci", Kind: API, Expires: now.Add(time.Hour)}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := server.Find(API, secret); ok {
		t.Error("the replaced one is found")
	}
	if _, ok, _ := server.Find(API, next); !ok {
		t.Error("the new one is not found")
	}
	now = now.Add(time.Hour)
	if _, ok, _ := server.Find(API, next); ok {
		t.Error("it is found although it has expired")
	}
	if err := operator.Revoke("ci"); err != nil {
		t.Error(err)
	}
	if err := operator.Revoke("ci"); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoked twice: %v", err)
	}
	if all, err := operator.List(); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

func TestManyMakeTokensAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := Open(path).Add(Token{Name: "t" + string(rune('a'+i)), Kind: API}, false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if all, err := Open(path).List(); err != nil || len(all) != 20 {
		t.Errorf("%d are kept, %v", len(all), err)
	}
}

func TestWhatATokenIsFor(t *testing.T) {
	repo := forge.Repo{Forge: "gitea", Owner: "Coop", Name: "guestbook"}
	for _, c := range []struct {
		token Token
		want  bool
	}{
		{Token{}, true},
		{Token{Repos: []string{"coop/*"}}, true},
		{Token{Repos: []string{"other/*", "*/guest*"}}, true},
		{Token{Repos: []string{"coop/guestbook"}, Forge: "gitea"}, true},
		{Token{Repos: []string{"coop/guestbook"}, Forge: "hub"}, false},
		{Token{Repos: []string{"coop/wiki"}}, false},
		{Token{Repos: []string{"*/wiki"}}, false},
	} {
		if got := c.token.Allows(repo); got != c.want {
			t.Errorf("%+v allows it: %v", c.token, got)
		}
	}
	for _, bad := range []Token{{Name: ""}, {Name: "a b"}, {Name: strings.Repeat("a", 101)}, {Name: "a", Repos: []string{"acme"}}, {Name: "a", Repos: []string{"acme/["}}, {Name: "a", Repos: []string{"a/b/c"}}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestAFileThatIsBrokenLetsNobodyIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	b := Open(path)
	secret, err := b.Add(Token{Name: "ci", Kind: API}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := b.Find(API, secret); ok || err == nil || !strings.Contains(err.Error(), "make the tokens anew") {
		t.Errorf("got %v, %v", ok, err)
	}
	if _, err := b.Add(Token{Name: "other", Kind: API}, false); err == nil {
		t.Error("it was overwritten")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := b.Find(API, secret); ok || err != nil {
		t.Errorf("after it was removed: %v, %v", ok, err)
	}
}
