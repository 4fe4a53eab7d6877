package inside

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What a container's users own must be theirs again after a restore.
func TestRootGivesFilesBackToTheirOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	from, imported, merged := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(from, "folder"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "folder", "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(from, "folder", "link")); err != nil {
		t.Fatal(err)
	}
	owners := map[string]int{"folder": 999, "folder/file": 33, "folder/link": 1000}
	for name, owner := range owners {
		if err := os.Lchown(filepath.Join(from, name), owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	var stream bytes.Buffer
	if _, err := Export(from, &stream); err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() ([]string, error){
		imported: func() ([]string, error) { return Import(imported, false, bytes.NewReader(stream.Bytes())) },
		merged:   func() ([]string, error) { return Merge(merged, false, bytes.NewReader(stream.Bytes())) },
	} {
		if notKept, err := do(); err != nil || len(notKept) > 0 {
			t.Fatal(notKept, err)
		}
		for name, owner := range owners {
			info, err := os.Lstat(filepath.Join(what, name))
			if err != nil {
				t.Fatal(err)
			}
			if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != owner || int(stat.Gid) != owner {
				t.Errorf("%s belongs to %d:%d, want %d", name, stat.Uid, stat.Gid, owner)
			}
		}
	}
}
