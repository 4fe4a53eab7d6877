package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// dig makes folders one below the other, deeper than one path may name.
func dig(t *testing.T, dir, name string, depth int) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range depth {
		if err := unix.Mkdirat(fd, name, 0o700); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		unix.Close(fd)
		if err != nil {
			t.Fatal(err)
		}
		fd = next
	}
	unix.Close(fd)
}

func open(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestWalkVisitsAFolderBeforeItsContentAndFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b/2", "b/1", "\xff/x", "a"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/", filepath.Join(dir, "root")); err != nil {
		t.Fatal(err)
	}
	var seen []string
	err := Walk(open(t, dir), func(e Entry, err error) error {
		seen = append(seen, e.Path)
		switch {
		case e.Path == "root":
			if to, err := e.Readlink(); err != nil || to != "/" {
				t.Errorf("it leads to %q, %v", to, err)
			}
			if f, err := e.Open(); err == nil {
				f.Close()
				t.Error("a link was opened")
			}
		case e.Path == "b":
			return fs.SkipDir
		}
		return err
	})
	if want := []string{".", "a", "b", "root", "\xff", "\xff/x"}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("seen %q, %v; want %q", seen, err, want)
	}
}

func TestWalkLooksAsDeepAsItMay(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("d", 250)
	dig(t, dir, name, 80) // 20,000 characters
	longest, tooDeep := 0, 0
	err := Walk(open(t, dir), func(e Entry, err error) error {
		if errors.Is(err, ErrTooDeep) {
			tooDeep++
			return nil
		}
		longest = max(longest, len(e.Path))
		return err
	})
	if err != nil || tooDeep != 1 || longest < LongestPath || longest > LongestPath+len(name)+1 {
		t.Errorf("walked to paths of %d characters, %d were too deep: %v", longest, tooDeep, err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
}

func TestRemoveRemovesWhateverThereIs(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "dir")
	dig(t, parent, "dir", 2)
	dig(t, dir, "deep", 3*maxOpenFolders)
	for i := range 3 {
		dig(t, dir, fmt.Sprint("\xff", i), 5)
	}
	if err := errors.Join(
		os.Symlink(filepath.Dir(outside), filepath.Join(dir, "link")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		os.Mkdir(filepath.Join(dir, "locked"), 0o700),
		os.WriteFile(filepath.Join(dir, "locked", "file"), nil, 0o400),
		os.Chmod(filepath.Join(dir, "locked"), 0o100),
		os.Chmod(dir, 0o500),
	); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error("a link was followed:", err)
	}
	if err := errors.Join(Remove(dir), Remove(filepath.Join(dir, "below", "nothing"))); err != nil {
		t.Error("what is not there:", err)
	}
}
