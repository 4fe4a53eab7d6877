package inside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Put adds one file below dir, or overwrites it, with the folders on the way. Where
// something else than a file has the name, it is left alone: a pipe would make us wait,
// a device may be anything.
func Put(dir, name string, r io.Reader) error {
	fail := func(err error) error { return fmt.Errorf("cannot write %s: %w", name, err) }
	if !filepath.IsLocal(name) {
		return fmt.Errorf("cannot write %q: it is not inside the volume", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the volume: %w", err)
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fail(err)
	}
	restore, err := unlock(root, path.Dir(name))
	if err != nil {
		return fail(err)
	}
	err = write(root, name, r)
	if err = errors.Join(err, restore()); err != nil {
		return fail(err)
	}
	return nil
}

func write(root *os.Root, name string, r io.Reader) error {
	f, err := openRegular(root, name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	if err = f.Truncate(0); err == nil {
		_, err = io.Copy(f, r)
	}
	return errors.Join(err, f.Close())
}

// unlock lets a file be put into a folder that its owner may not write to. restore makes
// the folder again as it was, its times too: an app may look at either.
func unlock(root *os.Root, name string) (restore func() error, err error) {
	folder, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	fd := int(folder.Fd())
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil && stat.Mode&unix.S_IRWXU != unix.S_IRWXU {
		if err = unix.Fchmod(fd, stat.Mode&modeBits|unix.S_IRWXU); err == unix.EPERM {
			return folder.Close, nil // somebody else's: whether this user may write to it shows
		}
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	return func() error {
		defer folder.Close()
		if stat.Mode&unix.S_IRWXU != unix.S_IRWXU {
			if err := unix.Fchmod(fd, stat.Mode&modeBits); err != nil {
				return err
			}
		}
		err := unix.UtimesNanoAt(fd, "", []unix.Timespec{stat.Atim, stat.Mtim}, unix.AT_EMPTY_PATH)
		if err == unix.EPERM {
			return nil // somebody else's, into which this user may write
		}
		return err
	}, nil
}

// Get copies one file below dir to w. A file that is not there is an error that
// matches fs.ErrNotExist.
func Get(dir, name string, w io.Writer) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("cannot read %q: it is not inside the volume", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the volume: %w", err)
	}
	defer root.Close()
	f, err := OpenRegular(root, name)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return nil
}

// OpenRegular opens a regular file for reading and nothing else: a pipe put in
// its place must not make us wait.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	return openRegular(root, name, os.O_RDONLY)
}

func openRegular(root *os.Root, name string, flags int) (*os.File, error) {
	f, err := root.OpenFile(name, flags|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
