package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxOpenFolders is how many folders a removal keeps open. What lies deeper is moved up first.
const maxOpenFolders = 256

// Remove removes a tree, whatever its folders' modes are and however deep they lie. It
// follows no link. What is not there is removed.
func Remove(name string) error {
	parent, err := os.Open(filepath.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	return RemoveIn(parent, filepath.Base(name))
}

// RemoveIn removes a name in a folder, as Remove does.
func RemoveIn(folder *os.File, name string) error {
	r := remover{top: int(folder.Fd())}
	if err := r.remove(r.top, name, 0); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

type remover struct {
	top   int // the folder in which the tree lies
	moved int // how many folders were moved up to it
}

func (r *remover) remove(dir int, name string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	var stat unix.Stat_t
	if unix.Fstatat(dir, name, &stat, unix.AT_SYMLINK_NOFOLLOW) != nil || stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	if err := usable(dir, name, stat.Mode); err != nil {
		return err
	}
	if depth == maxOpenFolders {
		return r.moveUp(dir, name)
	}
	folder, names, err := list(dir, name)
	if err != nil {
		return err
	}
	for _, entry := range names {
		err = errors.Join(err, r.remove(int(folder.Fd()), entry, depth+1))
	}
	folder.Close()
	if gone := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR); gone != nil && gone != unix.ENOENT {
		return errors.Join(err, gone)
	}
	return nil
}

// moveUp makes a deep folder a shallow one and removes it there.
func (r *remover) moveUp(dir int, name string) error {
	r.moved++
	up := fmt.Sprintf(".removing-%d-%d", os.Getpid(), r.moved)
	if err := unix.Renameat(dir, name, r.top, up); err != nil {
		return err
	}
	return r.remove(r.top, up, 1)
}

// usable lets the owner of a folder list and change it.
func usable(dir int, name string, mode uint32) error {
	if mode&unix.S_IRWXU == unix.S_IRWXU || os.Geteuid() == 0 {
		return nil
	}
	fd, err := openAt(dir, name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o700)
}
