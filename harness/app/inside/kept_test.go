package inside

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What an app's own files are like, made by system calls and looked at by system calls:
// no stream of ours in between.
func TestFilesComeBackAsTheyWere(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	in := func(name string) string { return filepath.Join(from, name) }
	past := unix.NsecToTimespec(time.Date(1961, 4, 12, 6, 7, 0, 5, time.UTC).UnixNano())
	for what, err := range map[string]error{
		"folder": os.Mkdir(in("folder"), 0o700),
		"file":   os.WriteFile(in("file"), []byte("content"), 0o600),
		"suid":   errors.Join(os.WriteFile(in("suid"), nil, 0o700), unix.Chmod(in("suid"), 0o6755)),
		"link":   os.Symlink("nowhere", in("link")),
		"pipe":   unix.Mkfifo(in("pipe"), 0o600),
		"sparse": os.WriteFile(in("sparse"), []byte("begin"), 0o600),
	} {
		if err != nil {
			t.Fatal(what, err)
		}
	}
	if err := errors.Join(
		os.Link(in("file"), in("second")),
		unix.Setxattr(in("file"), "user.type", []byte("text"), 0),
		os.Truncate(in("sparse"), 1<<34),
		unix.Chmod(in("folder"), 0o3750),
		unix.UtimesNanoAt(unix.AT_FDCWD, in("folder"), []unix.Timespec{past, past}, 0),
		unix.UtimesNanoAt(unix.AT_FDCWD, in("link"), []unix.Timespec{past, past}, unix.AT_SYMLINK_NOFOLLOW),
	); err != nil {
		t.Fatal(err)
	}
	if notKept, err := Copy(from, to, nil); err != nil || len(notKept) > 0 {
		t.Fatal(notKept, err)
	}
	for _, name := range []string{".", "folder", "file", "second", "suid", "link", "pipe", "sparse"} {
		var was, is unix.Stat_t
		if err := errors.Join(unix.Lstat(in(name), &was), unix.Lstat(filepath.Join(to, name), &is)); err != nil {
			t.Error(name, err)
			continue
		}
		if was.Mode != is.Mode || was.Mtim != is.Mtim || was.Size != is.Size && was.Mode&unix.S_IFMT != unix.S_IFDIR || was.Uid != is.Uid || was.Gid != is.Gid ||
			was.Nlink != is.Nlink || is.Blocks > was.Blocks+16 {
			t.Errorf("%s was %+v and is %+v", name, was, is)
		}
	}
	value := make([]byte, 10)
	if n, err := unix.Getxattr(filepath.Join(to, "second"), "user.type", value); err != nil || string(value[:n]) != "text" {
		t.Errorf("the attribute is %q, %v", value, err)
	}
}

func TestWhatIsNotKeptIsNamed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"1", "2", "3", "\x1b[2J"} {
		if err := unix.Mknod(filepath.Join(dir, name), unix.S_IFSOCK|0o600, 0); err != nil {
			t.Fatal(err)
		}
	}
	notKept, err := Export(dir, io.Discard)
	if want := `sockets were not kept: 4 ("\x1b[2J", "1", "2", ...)`; err != nil || len(notKept) != 1 || notKept[0] != want {
		t.Errorf("%q, %v; want %s", notKept, err, want)
	}
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	for _, h := range []tar.Header{
		{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666},
		{Name: "disk", Typeflag: tar.TypeBlock, Mode: 0o666},
		{Name: "suid", Typeflag: tar.TypeReg, Mode: 0o4755},
		{Name: "able", Typeflag: tar.TypeReg, Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}},
		{Name: "shared/", Typeflag: tar.TypeDir, Mode: 0o2770},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	notKept, err = Import(to, true, &stream)
	if err != nil || len(notKept) < 2 || !strings.HasPrefix(notKept[0], `device nodes were not kept: 2 ("null", "disk")`) ||
		!strings.HasPrefix(notKept[1], "setuid bits") || !strings.HasSuffix(notKept[1], `were not kept: 2 ("suid", "able")`) {
		t.Errorf("%q, %v", notKept, err)
	}
	for name, want := range map[string]os.FileMode{"suid": 0o755, "able": 0o755, "shared": os.ModeDir | os.ModeSetgid | 0o770} {
		if info, err := os.Lstat(filepath.Join(to, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if n, err := unix.Getxattr(filepath.Join(to, "able"), "security.capability", make([]byte, 100)); err == nil {
		t.Errorf("it has capabilities of %d bytes", n)
	}
}

// What an app puts in the place of a file of ours neither makes us wait nor is written to.
func TestPutWritesToFilesOnly(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Somebody reads it, so that a writer need not wait.
	reader, err := os.OpenFile(filepath.Join(dir, "pipe"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := Put(dir, "pipe", strings.NewReader("mark")); err == nil {
		t.Error("a pipe was written to")
	}
	reader.Close()
	if err := Put(dir, "pipe", strings.NewReader("mark")); err == nil {
		t.Error("a pipe was written to")
	}
}

// A container's root may make any device node. Through it nothing of the machine is reached.
func TestADeviceNodeOpensNoDevice(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make device nodes, and go into a folder")
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Mknodat(int(dir.Fd()), "zero", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Skip("no device node can be made here:", err)
	}
	_, err = AsRoot(t.Context(), dir, nil, io.Discard, "get", "zero")
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("Get: %v", err)
	}
	if err := PutAsOwner(t.Context(), dir, "zero", []byte("mark")); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("Put: %v", err)
	}
}

func TestAFolderBelowOneOfRootsIsNotPublic(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can close a folder to all others")
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	above := filepath.Dir(dir.Name())
	for _, c := range []struct {
		mode   os.FileMode
		owner  int
		public bool
	}{{0o700, 0, false}, {0o710, 0, false}, {0o711, 0, true}, {0o700, 4242, true}} {
		if err := errors.Join(os.Chown(above, c.owner, 0), os.Chmod(above, c.mode)); err != nil {
			t.Fatal(err)
		}
		if public, err := isPublic(dir); err != nil || public != c.public {
			t.Errorf("below a folder of %d with mode %o: %v, %v", c.owner, c.mode, public, err)
		}
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(PartEnv) == PartTool {
		os.Exit(Tool(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
