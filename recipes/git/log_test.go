package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheLogOfABranchBringsNoFiles(t *testing.T) {
	r := newRepository(t)
	for _, name := range []string{"one", "two", "three"} {
		r.commit(name, "text")
	}
	dir := t.TempDir()
	out, err := (&Git{}).Log(t.Context(), r.dir, "refs/heads/main", dir, "%s", 2)
	if err != nil || strings.TrimSpace(out) != "Change three\nChange two" {
		t.Errorf("%q, %v", out, err)
	}
	for _, bad := range [][2]string{{"ssh://host/app", "refs/heads/main"}, {r.dir, "main"}, {r.dir, "--upload-pack=x"}, {r.dir, "refs/heads/gone"}} {
		if out, err := (&Git{}).Log(t.Context(), bad[0], bad[1], filepath.Join(t.TempDir(), "x"), "%s", 2); err == nil {
			t.Errorf("%v: %q", bad, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "one")); err == nil {
		t.Error("a file was written")
	}
}
