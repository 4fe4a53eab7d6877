package inside_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/harness/app/inside"
)

func TestTheMergeTool(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"kept", "dump.sql"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	if err := w.WriteHeader(&tar.Header{Name: "dump.sql", Mode: 0o600, Size: 5, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "after"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	if code := inside.Tool(t.Context(), []string{"tar-merge", dir}, &stream, io.Discard, &complaints); code != 0 {
		t.Fatalf("exit code %d: %s", code, complaints.String())
	}
	for name, want := range map[string]string{"kept": "before", "dump.sql": "after"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if code := inside.Tool(t.Context(), []string{"tar-merge", dir}, strings.NewReader("no archive"), io.Discard, &complaints); code == 0 {
		t.Error("what is no archive was taken")
	}
}
