package inside

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// Put adds one file below dir, or overwrites it, with the folders on the way.
func Put(dir, name string, r io.Reader) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("cannot write %q: it is not inside the volume", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the volume: %w", err)
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return f.Close()
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
