package archive_test

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
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

func TestAFailedSaveLeavesNoHalfFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "vault")
	broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the volume vanished")))
	if _, err := archive.New(root).Save(t.Context(), run.NewID(time.Now()), "data", broken); err == nil {
		t.Fatal("no error")
	}
	filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			t.Errorf("%s is left, %v", path, err)
		}
		return nil
	})
}

func TestAFullDiskIsSaid(t *testing.T) {
	// A file may not grow past this limit of a process: a disk without space, for a child.
	if os.Getenv("ARCHIVE_TEST_ROOT") == "" {
		cmd := exec.Command("/bin/sh", "-c", `ulimit -f 64 && exec "$0" -test.run '^TestAFullDiskIsSaid$'`, os.Args[0])
		cmd.Env = append(os.Environ(), "ARCHIVE_TEST_ROOT="+filepath.Join(t.TempDir(), "vault"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	root := os.Getenv("ARCHIVE_TEST_ROOT")
	noise := io.LimitReader(rand.Reader, 1<<20) // it does not shrink
	_, err := archive.New(root).Save(t.Context(), run.NewID(time.Now()), "data", noise)
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "cannot save the snapshot of data: write ") {
		t.Fatalf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(root, "*", "*")); len(left) != 0 {
		t.Fatalf("left: %v", left)
	}
}
