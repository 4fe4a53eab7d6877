package inside

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// Merge writes the stream's entries into dir, over what has their names, and leaves
// alone whatever else lies there. An entry that would leave dir is refused. Whatever is
// wrong with the stream, dir is then as it was.
func Merge(dir string, r io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the volume: %w", err)
	}
	defer root.Close()
	fresh, err := os.MkdirTemp(dir, importPrefix)
	if err != nil {
		return fmt.Errorf("cannot prepare the volume: %w", err)
	}
	name := filepath.Base(fresh)
	modes, err := unpackEntries(root, name, r)
	if err != nil {
		return errors.Join(err, root.RemoveAll(name))
	}
	m := merger{root, name, modes}
	if err := m.folder("."); err != nil {
		return errors.Join(fmt.Errorf("cannot fill the volume: %w", err), root.RemoveAll(name))
	}
	return root.RemoveAll(name)
}

// merger moves what was unpacked to where it belongs.
type merger struct {
	root  *os.Root
	fresh string
	modes map[string]fs.FileMode // of the folders that the stream names
}

// folder moves what is in an unpacked folder into the folder of its name.
func (m merger) folder(name string) error {
	return eachEntry(m.root, path.Join(m.fresh, name), func(entry string) error { return m.entry(path.Join(name, entry)) })
}

func (m merger) entry(name string) error {
	from := path.Join(m.fresh, name)
	info, err := m.root.Lstat(from)
	if err != nil {
		return err
	}
	there, err := m.root.Lstat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !info.IsDir() {
		if there != nil && there.IsDir() {
			if err := removeTree(m.root, name); err != nil {
				return err
			}
		}
		return m.root.Rename(from, name)
	}
	mode, named := m.modes[name]
	switch {
	case there != nil && there.IsDir():
		if !named {
			mode = there.Mode().Perm() // a folder on the way to what the stream holds
		}
		// It is filled first: it may be one that may not be written to.
		if err := m.root.Chmod(name, mode|0o700); err != nil {
			return err
		}
	case there != nil:
		if err := m.root.Remove(name); err != nil {
			return err
		}
		fallthrough
	default:
		if !named {
			mode = 0o755
		}
		if err := m.root.Mkdir(name, 0o700); err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			if err := m.root.Lchown(name, int(stat.Uid), int(stat.Gid)); err != nil {
				return err
			}
		}
	}
	return errors.Join(m.folder(name), m.root.Chmod(name, mode))
}
