package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// LongestPath is how long a path below the top may get: a walk keeps the folders above
// open and their paths in memory, and an app decides how deep its folders are.
const LongestPath = 16 << 10

// ErrTooDeep is what a walk says of a folder that it does not look into.
var ErrTooDeep = fmt.Errorf("its path is longer than %d bytes", LongestPath)

// Entry is one thing that a walk meets. It can be opened until the visit returns.
type Entry struct {
	Path string // from the top, which is "."
	Stat unix.Stat_t

	dir  int // the open folder in which it lies
	name string
}

// Kind is the file's type, S_IFREG and so on.
func (e Entry) Kind() uint32 { return e.Stat.Mode & unix.S_IFMT }

// Open opens a file or a folder for reading. What is something else by now is not opened.
func (e Entry) Open() (*os.File, error) {
	fd, err := openAt(e.dir, e.name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: e.Path, Err: err}
	}
	var now unix.Stat_t
	if err = unix.Fstat(fd, &now); err == nil && now.Mode&unix.S_IFMT != e.Kind() {
		err = errors.New("it was replaced by something else")
	}
	if err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "open", Path: e.Path, Err: err}
	}
	return os.NewFile(uintptr(fd), e.Path), nil
}

// Readlink is where a link leads.
func (e Entry) Readlink() (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(e.dir, e.name, target)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: e.Path, Err: err}
	}
	return string(target[:n]), nil
}

// Walk visits the top and all that lies below it, a folder before its content, names
// in order. As with fs.WalkDir, a visit with an error is about a thing that cannot be
// read, and a visit may return fs.SkipDir or fs.SkipAll.
func Walk(top *os.File, visit func(Entry, error) error) error {
	err := walk(Entry{Path: ".", dir: int(top.Fd()), name: "."}, visit)
	if errors.Is(err, fs.SkipAll) || errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}

func walk(e Entry, visit func(Entry, error) error) error {
	if err := unix.Fstatat(e.dir, e.name, &e.Stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return visit(e, &fs.PathError{Op: "stat", Path: e.Path, Err: err})
	}
	if err := visit(e, nil); err != nil || e.Kind() != unix.S_IFDIR {
		return err
	}
	if len(e.Path) > LongestPath {
		return visit(e, &fs.PathError{Op: "open", Path: e.Path, Err: ErrTooDeep})
	}
	folder, names, err := list(e.dir, e.name)
	if err != nil {
		return visit(e, &fs.PathError{Op: "open", Path: e.Path, Err: err})
	}
	defer folder.Close()
	slices.Sort(names)
	for _, name := range names {
		err := walk(Entry{Path: path.Join(e.Path, name), dir: int(folder.Fd()), name: name}, visit)
		if errors.Is(err, fs.SkipDir) {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list opens a folder and names what lies in it.
func list(dir int, name string) (*os.File, []string, error) {
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, nil, err
	}
	folder := os.NewFile(uintptr(fd), name)
	names, err := folder.Readdirnames(-1)
	if err != nil {
		folder.Close()
		return nil, nil, err
	}
	return folder, names, nil
}

// openAt opens a name in a folder and follows no link.
func openAt(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
