package git

import (
	"os"
	"path/filepath"
	"strings"
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
