package inside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"
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
	f, err := openRegular(root, name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return fail(err)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return fail(err)
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return fail(err)
	}
	if err := f.Close(); err != nil {
		return fail(err)
	}
	return nil
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
