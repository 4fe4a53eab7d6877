package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/harness/run"
	"seatrial/harness/vault"
	"seatrial/harness/vault/archive"
	"seatrial/harness/vault/vaulttest"
)

func TestArchive(t *testing.T) {
	vaulttest.Contract(t, func(t *testing.T) vaulttest.Fixture {
		root := filepath.Join(t.TempDir(), "vault")
		return vaulttest.Fixture{Vault: archive.New(root), Damage: func(t *testing.T, s vault.Snapshot, how vaulttest.Damage) {
			files, _ := filepath.Glob(filepath.Join(root, string(s.Run), "*.zst"))
			if len(files) != 1 {
				t.Fatalf("found %v", files)
			}
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if how == vaulttest.Cut {
				b = b[:len(b)/2]
			} else {
				b[len(b)/2] ^= 1
			}
			if err := os.WriteFile(files[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

func TestOnlyTheOwnerCanReadASnapshot(t *testing.T) {
	root := filepath.Join(t.TempDir(), "vault")
	if _, err := archive.New(root).Save(t.Context(), run.NewID(time.Now()), "data", strings.NewReader("secret")); err != nil {
		t.Fatal(err)
	}
	filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
}
