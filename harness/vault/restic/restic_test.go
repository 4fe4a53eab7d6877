package restic_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"seatrial/harness/run"
	"seatrial/harness/vault"
	"seatrial/harness/vault/restic"
	"seatrial/harness/vault/vaulttest"
	"seatrial/internal/must"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func need(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("restic")
	must.Have(t, "restic", err == nil, "there is no program restic: install Debian's package of that name")
}

// quick is a vault whose repositories are copies of the one in testdata, where each would
// be made for its run. Its key asks for the least that restic derives a key with, in place
// of a tenth of a second of a processor with each restic that is started. Where it matters
// how a repository is made, tests ask the vault itself.
type quick struct{ *restic.Vault }

func (q quick) Save(ctx context.Context, id run.ID, name string, r io.Reader) (vault.Snapshot, error) {
	folder := filepath.Join(restic.Root(q.Vault), string(id))
	if err := os.CopyFS(folder, os.DirFS("testdata/quick")); err != nil && !errors.Is(err, os.ErrExist) {
		return vault.Snapshot{}, err
	}
	for _, name := range []string{"index", "temp"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
			return vault.Snapshot{}, err
		}
	}
	return q.Vault.Save(ctx, id, name, r)
}

func newID() run.ID { return run.NewID(time.Now()) }

func TestRestic(t *testing.T) {
	need(t)
	vaulttest.Contract(t, func(t *testing.T) vaulttest.Fixture {
		t.Parallel() // each has repositories of its own
		root := filepath.Join(t.TempDir(), "vault")
		return vaulttest.Fixture{Vault: quick{restic.New(root)}, Damage: func(t *testing.T, s vault.Snapshot, how vaulttest.Damage) {
			largest := packs(t, filepath.Join(root, string(s.Run)))[0]
			b, err := os.ReadFile(largest)
			if err != nil {
				t.Fatal(err)
			}
			if how == vaulttest.Cut {
				b = b[:len(b)/2]
			} else {
				b[len(b)/2] ^= 1
			}
			if err := os.Chmod(largest, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(largest, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

// packs are the files in which restic keeps data, the largest first.
func packs(t *testing.T, folder string) []string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(folder, "repository", "data", "*", "*"))
	if len(files) == 0 {
		t.Fatal("the repository is empty")
	}
	size := func(file string) int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	slices.SortFunc(files, func(a, b string) int { return int(size(b) - size(a)) })
	return files
}

// snapshots are those that restic itself knows of.
func snapshots(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "repository", "snapshots", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A pipe that just ends looks to restic like the end of the data. It must never see one.
func TestAStreamThatBreaksOffBecomesNoSnapshotOfRestics(t *testing.T) {
	need(t)
	v, id := restic.New(t.TempDir()), newID()
	for _, length := range []int64{1, 100, 3 << 20, 40 << 20} {
		broken := io.MultiReader(io.LimitReader(rand.Reader, length), iotest.ErrReader(errors.New("the volume vanished")))
		if _, err := v.Save(t.Context(), id, "data", broken); err == nil || err.Error() != "cannot save the snapshot of data: the volume vanished" {
			t.Errorf("after %d bytes: %v", length, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	slow := io.MultiReader(io.LimitReader(rand.Reader, 1<<20), &closing{cancel}, rand.Reader)
	if _, err := v.Save(ctx, id, "data", slow); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	folder := folderOf(t, v, id)
	if left := snapshots(t, folder); len(left) > 0 {
		t.Errorf("restic keeps %v", left)
	}
	if _, err := v.Save(t.Context(), id, "data", strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if left := snapshots(t, folder); len(left) != 1 {
		t.Errorf("after a good one restic keeps %v", left)
	}
}

// closing calls a function when it is read.
type closing struct{ do func() }

func (c *closing) Read([]byte) (int, error) { c.do(); return 0, io.EOF }

// folderOf is the run's folder, found through what is there.
func folderOf(t *testing.T, v *restic.Vault, id run.ID) string {
	t.Helper()
	return filepath.Join(restic.Root(v), string(id))
}

func TestOnlyTheOwnerCanReadASnapshot(t *testing.T) {
	need(t)
	root, id := filepath.Join(t.TempDir(), "vault"), newID()
	v := restic.New(root)
	if _, err := v.Save(t.Context(), id, "data", strings.NewReader("a secret of the app's")); err != nil {
		t.Fatal(err)
	}
	var names []string
	filepath.WalkDir(root, func(path string, d os.DirEntry, _ error) error {
		info, err := d.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil || bytes.Contains(content, []byte("secret")) {
			t.Errorf("%s is not encrypted, %v", path, err)
		}
		names = append(names, path)
		return nil
	})
	password := filepath.Join(root, string(id), "password")
	if !slices.Contains(names, password) {
		t.Fatalf("no password among %v", names)
	}
	other := newID()
	if _, err := v.Save(t.Context(), other, "data", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	one, _ := os.ReadFile(password)
	two, _ := os.ReadFile(filepath.Join(root, string(other), "password"))
	if len(one) < 20 || bytes.Equal(one, two) {
		t.Errorf("passwords %q and %q", one, two)
	}
	for _, id := range []run.ID{id, other} {
		if err := v.Forget(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(root, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAStreamThatIsLeftInItsMiddleLeavesNoProcess(t *testing.T) {
	need(t)
	v, id := restic.New(t.TempDir()), newID()
	s, err := v.Save(t.Context(), id, "data", io.LimitReader(rand.Reader, 20<<20))
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if r, err = v.Open(ctx, s); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if found := children(t); len(found) > 0 {
		t.Errorf("still there: %v", found)
	}
}

// children are the processes that this one started and that still are.
func children(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(files) == 0 {
		t.Skip("this kernel lists no children")
	}
	var all []string
	for _, file := range files {
		b, _ := os.ReadFile(file)
		all = append(all, strings.Fields(string(b))...)
	}
	return all
}

func TestARepositoryThatIsGoneIsAnError(t *testing.T) {
	need(t)
	v, id := restic.New(t.TempDir()), newID()
	s, err := v.Save(t.Context(), id, "data", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(folderOf(t, v, id), "repository")); err != nil {
		t.Fatal(err)
	}
	r, err := v.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err == nil || errors.Is(err, vault.ErrNotFound) || !strings.Contains(err.Error(), "the snapshot of data cannot be read: restic failed: it exited with code 1") {
		t.Errorf("got %v", err)
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	need(t)
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	id := newID()
	_, err := restic.New(root).Save(t.Context(), id, "data", io.LimitReader(rand.Reader, 40<<20))
	if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(fmt.Sprint(err), "cannot save the snapshot of data: restic failed: ") {
		t.Errorf("got %v", err)
	}
	if left := snapshots(t, filepath.Join(root, string(id))); len(left) > 0 {
		t.Errorf("restic keeps %v", left)
	}
}

func TestWithoutRestic(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, saved := restic.New(t.TempDir()).Save(t.Context(), newID(), "data", strings.NewReader("x"))
	for _, err := range []error{restic.Check(t.Context()), saved} {
		if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "the program restic is not here: install it") {
			t.Errorf("got %v", err)
		}
	}
}

func TestCheck(t *testing.T) {
	need(t)
	if err := restic.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A newer restic says more by its exit code, and its complaints are JSON.
func TestWhatOtherVersionsSay(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"a code that tells":    {`case "$*" in *init*) mkdir -p "$2"; echo >"$2/config"; exit 0; esac; echo '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}' >&2; exit 12`, "restic failed: it exited with code 12, which means that the repository takes another password: Fatal: wrong password or no key found"},
		"an init that fails":   {"echo 'Fatal: create key' >&2; exit 1", "cannot make a repository: restic failed: it exited with code 1: Fatal: create key"},
		"no snapshot":          {`case "$*" in *init*) mkdir -p "$2"; echo >"$2/config"; esac; cat >/dev/null; exit 0`, "restic named no snapshot, although it ended well"},
		"less than there was":  {`case "$*" in *init*) mkdir -p "$2"; echo >"$2/config"; exit 0; esac; cat >/dev/null; echo '{"message_type":"status"}'; echo '{"message_type":"summary","total_bytes_processed":3,"snapshot_id":"0123"}'`, "restic kept 3 of 5 bytes"},
		"a process that dies":  {`case "$*" in *init*) mkdir -p "$2"; echo >"$2/config"; exit 0; esac; kill -9 $$`, "restic failed: signal: killed"},
		"what it must not see": {`env | grep -v -e ^HOME= -e ^TMPDIR= -e ^RESTIC_PROGRESS_FPS= -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= >&2; exit 1`, "cannot make a repository: restic failed: it exited with code 1"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			script := "#!/bin/sh\nPATH=/usr/bin:/bin\n" + c.script + "\n"
			if err := os.WriteFile(filepath.Join(bin, "restic"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", bin)
			t.Setenv("RESTIC_REPOSITORY", "/somebody/elses")
			_, err := restic.New(t.TempDir()).Save(t.Context(), newID(), "data", strings.NewReader("12345"))
			if err == nil || err.Error() != "cannot save the snapshot of data: "+c.want && !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
		})
	}
}
