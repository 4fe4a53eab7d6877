package git

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFetchFromACopy fetches what nobody would give by the address.
func TestFetchFromACopy(t *testing.T) {
	h := newHistory(t)
	s := &Source{Mirrors: t.TempDir()}
	code := Code{URL: "https://nowhere.invalid/acme/secret.git", Copy: h.dir, Ref: "refs/pull/7/head", Commit: h.head, Base: "main"}
	f, err := s.Fetch(t.Context(), code, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if f.Head.Commit != h.head || f.Previous == nil || f.Previous.Name != "1.0.0" {
		t.Errorf("got %+v", f)
	}
	mirrors, err := filepath.Glob(filepath.Join(s.Mirrors, "nowhere.invalid-acme-secret-*.git"))
	if err != nil || len(mirrors) != 1 {
		t.Errorf("the mirror is not called by the address: %v %v", mirrors, err)
	}
	code.Copy = filepath.Join(t.TempDir(), "gone")
	if _, err = s.Fetch(t.Context(), code, "", t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "cannot fetch https://nowhere.invalid/acme/secret.git: ") {
		t.Errorf("got %v", err)
	}
}

// TestOnlyAFolderIsReadAsOne has an address of the network never lead to a folder.
func TestOnlyAFolderIsReadAsOne(t *testing.T) {
	h := newHistory(t)
	g := &Git{}
	r, err := g.Mirror(t.Context(), h.serve(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	setting := "[url \"" + h.dir + "\"]\n\tinsteadOf = http://nowhere.invalid/\n"
	file, err := os.OpenFile(filepath.Join(r.dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(setting)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.fetch(t.Context(), "http://nowhere.invalid/", nil); err == nil || !strings.Contains(err.Error(), "'file' not allowed") {
		t.Errorf("got %v", err)
	}
}

// TestTheLatestReleaseOfACopy has a copy stand for its repository, default branch and all.
func TestTheLatestReleaseOfACopy(t *testing.T) {
	h := newHistory(t)
	h.git("branch", "-q", "-m", "main", "trunk")
	dir := filepath.Join(t.TempDir(), "coop", "secret.git")
	if _, err := new(Git).MirrorInto(t.Context(), h.serve(), dir); err != nil {
		t.Fatal(err)
	}
	code := Code{URL: "https://nowhere.invalid/acme/secret.git", Copy: dir}
	got, err := (&Source{Mirrors: t.TempDir()}).Latest(t.Context(), code, filepath.Join(t.TempDir(), "it"))
	if err != nil || got.Name != "1.1.0" || got.Commit != h.second {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, tag := range []string{"1.0.0", "1.1.0"} {
		h.git("tag", "-d", tag)
	}
	if _, err := new(Git).MirrorInto(t.Context(), h.serve(), dir); err != nil {
		t.Fatal(err)
	}
	got, err = (&Source{Mirrors: t.TempDir()}).Latest(t.Context(), code, filepath.Join(t.TempDir(), "it"))
	if err != nil || got.Name != "head" || got.Commit != h.second {
		t.Errorf("without a release: %+v, %v", got, err)
	}
}

// TestTheAuthorizationIsInNoError has a server that says it back.
func TestTheAuthorizationIsInNoError(t *testing.T) {
	var seen atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "no: %s", r.Header.Get("Authorization"))
	}))
	defer server.Close()
	g := &Git{Authorization: "token s3cret"}
	_, err := g.MirrorInto(t.Context(), server.URL+"/acme/secret.git", filepath.Join(t.TempDir(), "it.git"))
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "no: …") {
		t.Errorf("got %v", err)
	}
	if seen.Load() != "token s3cret" {
		t.Errorf("the server was shown %q", seen.Load())
	}
}

// TestTheAuthorizationFollowsNoRedirect has a server lead elsewhere.
func TestTheAuthorizationFollowsNoRedirect(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer server.Close()
	g := &Git{Authorization: "token s3cret"}
	if _, err := g.MirrorInto(t.Context(), server.URL+"/acme/secret.git", filepath.Join(t.TempDir(), "it.git")); err == nil || asked.Load() > 0 {
		t.Errorf("%d requests, %v", asked.Load(), err)
	}
}
