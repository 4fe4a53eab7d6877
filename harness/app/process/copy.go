package process

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// copyTree copies files, folders and links from one folder into another that is
// made for it. Links are copied as links and never followed; modes stay. Sockets,
// pipes and devices are left out. give is called for each thing that was made.
func copyTree(from, to string, give func(string) error) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()

	type folder struct {
		name string
		mode fs.FileMode
	}
	var folders []folder
	err = fs.WalkDir(source.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := source.Lstat(name)
		if err != nil {
			return err
		}
		switch {
		case name == ".":
		case info.IsDir():
			if err := target.Mkdir(name, 0o700); err != nil {
				return err
			}
			folders = append(folders, folder{name, info.Mode().Perm()})
		case info.Mode().IsRegular():
			if err := copyFile(source, target, name, info); err != nil {
				return err
			}
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := source.Readlink(name)
			if err != nil {
				return err
			}
			if err := target.Symlink(link, name); err != nil {
				return err
			}
		default:
			return nil
		}
		return give(filepath.Join(to, name))
	})
	if err != nil {
		return err
	}
	for i := len(folders) - 1; i >= 0; i-- { // a read-only folder last
		if err := target.Chmod(folders[i].name, folders[i].mode|0o500); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(source, target *os.Root, name string, info fs.FileInfo) error {
	in, err := source.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	if now, err := in.Stat(); err != nil || !now.Mode().IsRegular() {
		return fmt.Errorf("%s changed while it was copied", name)
	}
	out, err := target.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close()); err != nil {
		return err
	}
	return target.Chtimes(name, info.ModTime(), info.ModTime())
}

// forceRemove removes a tree, also folders that their owner may not write to,
// and never follows a link. What is not there is removed.
func forceRemove(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrPermission) {
		if info, statErr := os.Lstat(dir); statErr == nil && info.IsDir() && os.Chmod(dir, 0o700) == nil {
			root, err = os.OpenRoot(dir)
		}
	}
	if err != nil {
		return os.RemoveAll(dir)
	}
	defer root.Close()
	_ = root.Chmod(".", 0o700)
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = root.Chmod(name, 0o700) // RemoveAll says what is still wrong
		}
		return nil
	})
	return os.RemoveAll(dir)
}
