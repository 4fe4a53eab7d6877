package git

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLatestIsWhatTheDefaultBranchPublished(t *testing.T) {
	h := newHistory(t)
	h.git("checkout", "-q", "-b", "other")
	h.commit("VERSION", "9.0.0")
	h.git("tag", "9.0.0") // not on the default branch
	h.git("checkout", "-q", "main")
	h.commit("VERSION", "unpublished")
	for _, address := range []string{h.serve(), h.dir} {
		s := &Source{Mirrors: t.TempDir()}
		into := filepath.Join(t.TempDir(), "auth")
		got, err := s.Latest(t.Context(), Code{URL: address}, into)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != "1.1.0" || got.Commit != h.second || files(t, got.Dir)["VERSION"] != "-rw-r--r-- 1.1.0" {
			t.Errorf("%s: got %+v", address, got)
		}
	}
}

func TestLatestWithoutAReleaseIsTheHead(t *testing.T) {
	r := newRepository(t)
	head := r.commit("VERSION", "none")
	for _, address := range []string{r.serve(), r.dir} {
		got, err := (&Source{Mirrors: t.TempDir()}).Latest(t.Context(), Code{URL: address}, filepath.Join(t.TempDir(), "auth"))
		if err != nil || got.Name != "head" || got.Commit != head {
			t.Errorf("%s: got %+v, %v", address, got, err)
		}
	}
	plain := t.TempDir()
	if err := os.WriteFile(filepath.Join(plain, "compose.yml"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := (&Source{}).Latest(t.Context(), Code{URL: plain}, filepath.Join(t.TempDir(), "auth"))
	if err != nil || got.Name != "head" || got.Commit != "" || files(t, got.Dir)["compose.yml"] == "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := (&Source{Mirrors: t.TempDir()}).Latest(t.Context(), Code{URL: "http://127.0.0.1:1/x"}, t.TempDir()); err == nil {
		t.Error("nobody answers there")
	}
}
