// Package atomicfile writes files whole or not at all.
//
// Who reads a file meanwhile sees the old one or the new one, and so does who starts after
// the machine lost its power: file and folder are on the disk when a write returns. Two
// who write at once do not mix; the later one wins. What a program that was killed had
// begun lies beside the file, under the file's name with a dot before it and a number
// after it.
package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Write makes a file, or replaces it. Its mode is the given one, whatever the umask.
func Write(path string, data []byte, mode os.FileMode) error {
	return Stream(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Stream is Write for content that does not fit into memory. If write fails, nothing is
// replaced.
func Stream(path string, mode os.FileMode, write func(w io.Writer) error) error {
	file, err := pending(path, mode)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		return errors.Join(err, file.Cleanup())
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return errors.Join(err, file.Cleanup())
	}
	return syncFolder(filepath.Dir(path))
}

// Create makes a file where there is none, else it is fs.ErrExist: of several who create
// one, one succeeds.
func Create(path string, data []byte, mode os.FileMode) error {
	if _, err := os.Lstat(path); err == nil {
		return &os.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	file, err := pending(path, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Link(file.Name(), path)
	}
	if err = errors.Join(err, file.Cleanup()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func pending(path string, mode os.FileMode) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(mode))
}

// syncFolder makes a rename last. Some file systems know no such thing.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
