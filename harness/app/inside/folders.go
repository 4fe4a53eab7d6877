package inside

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// folders opens folders below a top, each step from the one above, and follows no link.
// It keeps those open that lead to the latest one: a stream goes from neighbour to
// neighbour.
type folders struct {
	top   int
	names []string
	fds   []int
}

// open opens a folder; missing ones on the way are made, if make says so. It stays open
// until another one is asked for.
func (d *folders) open(name string, make bool) (int, error) {
	var names []string
	if name != "." {
		names = strings.Split(name, "/")
	}
	shared := 0
	for shared < min(len(names), len(d.names)) && names[shared] == d.names[shared] {
		shared++
	}
	d.closeFrom(shared)
	for _, next := range names[shared:] {
		fd, err := openFolder(d.latest(), next)
		if err == unix.ENOENT && make {
			if err = unix.Mkdirat(d.latest(), next, 0o755); err == nil || err == unix.EEXIST {
				fd, err = openFolder(d.latest(), next)
			}
		}
		if err != nil {
			return 0, err
		}
		d.names, d.fds = append(d.names, next), append(d.fds, fd)
	}
	return d.latest(), nil
}

// parent opens the folder in which a name lies.
func (d *folders) parent(name string, make bool) (dir int, base string, err error) {
	dir, err = d.open(path.Dir(name), make)
	return dir, path.Base(name), err
}

func (d *folders) latest() int {
	if len(d.fds) == 0 {
		return d.top
	}
	return d.fds[len(d.fds)-1]
}

func (d *folders) closeFrom(depth int) {
	for _, fd := range slices.Backward(d.fds[depth:]) {
		unix.Close(fd)
	}
	d.names, d.fds = d.names[:depth], d.fds[:depth]
}

func (d *folders) close() { d.closeFrom(0) }

func openFolder(dir int, name string) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
