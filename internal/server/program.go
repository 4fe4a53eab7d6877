package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"seatrial/harness/journal"
	"seatrial/internal/atomicfile"
	"seatrial/internal/exit"
	"seatrial/internal/state"
)

// running is this program as it runs, whatever lies at its path by now.
const running = "/proc/self/exe"

// keepProgram keeps the program that harnesses are started from. Where it cannot be kept,
// it is the one at this program's path, as long as that is the same.
func (sv *Server) keepProgram(ctx context.Context) (path string, err error) {
	open, err := sv.journal.Reports(ctx, journal.Filter{Open: true, Limit: 1})
	if err != nil {
		return "", err
	}
	path, err = keepProgram(sv.State, len(open) > 0)
	if err == nil {
		return path, nil
	}
	if _, ok := errors.AsType[*exit.Error](err); ok {
		return "", err // the state folder itself is not usable
	}
	sv.Log.Warn("this program cannot be kept in the state folder: restart the server after an upgrade at once, or its runs will be performed by another version", "err", err)
	return os.Executable()
}

// keepProgram makes this very program stay in the state folder, for harnesses to be
// started from: one that is installed meanwhile may not understand this server, and a
// run would have both. Programs of earlier servers go as soon as no run can still have
// been started from them.
func keepProgram(folder state.Folder, others bool) (path string, err error) {
	dir, err := folder.Dir(state.ProgramsDir, 0o755)
	if err != nil {
		return "", err
	}
	if err := mayRun(dir); err != nil {
		return "", err
	}
	self, err := os.Open(running)
	if err != nil {
		return "", fmt.Errorf("cannot open this program: %w", err)
	}
	defer self.Close()
	info, err := self.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot look at this program: %w", err)
	}
	name := "seatrial-" + strconv.FormatInt(info.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36)
	path = filepath.Join(dir, name)
	if err := placeProgram(self, info, path); err != nil {
		return "", fmt.Errorf("cannot keep this program in the state folder: %w", err)
	}
	if others {
		return path, nil
	}
	return path, removeOthers(dir, name)
}

// mayRun says whether programs in a folder may be started.
func mayRun(dir string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return fmt.Errorf("cannot see whether programs in %s may be started: %w", dir, err)
	}
	if stat.Flags&unix.ST_NOEXEC != 0 {
		return fmt.Errorf("%s lies on a file system that is mounted noexec", dir)
	}
	return nil
}

// placeProgram links or copies the program. One of this name that is whole is this one.
func placeProgram(self *os.File, info fs.FileInfo, path string) error {
	if there, err := os.Stat(path); err == nil && there.Mode().IsRegular() && there.Size() == info.Size() && there.Mode().Perm()&0o111 != 0 {
		return nil
	}
	// A link costs nothing, but takes one file system, and a name that the program still has.
	err := unix.Linkat(unix.AT_FDCWD, running, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err == nil {
		return nil
	}
	return atomicfile.Stream(path, 0o755, func(w io.Writer) error {
		_, err := io.Copy(w, self)
		return err
	})
}

func removeOthers(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var failures []error
	for _, entry := range entries {
		if entry.Name() != name {
			failures = append(failures, os.Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(failures...)
}
