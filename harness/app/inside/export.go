package inside

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/sparse"
	"seatrial/harness/tree"
)

// Export writes what lies in dir as a tar stream, the folder itself first: paths relative
// to it, all that a stream can hold of what an app sees. What it cannot hold is listed,
// a line a kind.
func Export(dir string, w io.Writer) (notKept []string, err error) {
	top, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the volume: %w", err)
	}
	defer top.Close()
	x := exporter{out: tar.NewWriter(w), first: map[inode]string{}}
	if err := tree.Walk(top, x.visit); err != nil {
		return nil, err
	}
	return x.losses.lines(), x.out.Close()
}

type inode struct{ dev, ino uint64 }

type exporter struct {
	losses
	out   *tar.Writer
	first map[inode]string // the first name of what has several
}

func (x *exporter) visit(e tree.Entry, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the app removed it in the meantime
	case errors.Is(err, tree.ErrTooDeep):
		x.lose(tooDeep, e.Path)
		return nil
	case err != nil:
		return fmt.Errorf("cannot read %s: %w", e.Path, err)
	}
	if err = x.entry(e); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (x *exporter) entry(e tree.Entry) error {
	header := headerOf(e.Path, e.Stat)
	switch e.Kind() {
	case unix.S_IFSOCK:
		x.lose(sockets, e.Path)
		return nil
	case unix.S_IFCHR, unix.S_IFBLK:
		if !isWhiteout(e.Kind(), e.Stat.Rdev) {
			x.lose(devices, e.Path)
			return nil
		}
		header.Typeflag = tar.TypeChar
	case unix.S_IFIFO:
		header.Typeflag = tar.TypeFifo
	case unix.S_IFLNK:
		header.Typeflag = tar.TypeSymlink
		var err error
		if header.Linkname, err = e.Readlink(); err != nil {
			return err
		}
	}
	if e.Kind() != unix.S_IFDIR && e.Stat.Nlink > 1 {
		key := inode{e.Stat.Dev, e.Stat.Ino}
		if first, seen := x.first[key]; seen {
			return x.out.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: e.Path, Linkname: first, Format: tar.FormatPAX})
		}
		x.first[key] = e.Path
	}
	if e.Kind() != unix.S_IFREG && e.Kind() != unix.S_IFDIR {
		return x.out.WriteHeader(header)
	}
	f, err := e.Open()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", e.Path, err)
	}
	defer f.Close()
	return x.opened(e.Path, f)
}

// opened writes a file or a folder. What is said of it is said of what was opened: an app
// may put a file of its own where another's was.
func (x *exporter) opened(name string, f *os.File) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	header := headerOf(name, stat)
	attributes, err := readAttributes(f)
	if err != nil {
		return fmt.Errorf("cannot read the attributes of %s: %w", name, err)
	}
	x.attributes(header, attributes)
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
		return x.out.WriteHeader(header)
	}
	header.Size = stat.Size
	if stat.Blocks*512 < stat.Size {
		if found, ok := sparse.Find(f, stat.Size); ok && sparse.Describe(header, stat.Size, found) {
			return x.content(name, header, f, found)
		}
	}
	return x.content(name, header, f, []sparse.Data{{Offset: 0, Length: stat.Size}})
}

// content writes stretches of a file. A running app may shorten or lengthen it meanwhile:
// what is written has the length that the header gives.
func (x *exporter) content(name string, header *tar.Header, f *os.File, stretches []sparse.Data) error {
	if err := x.out.WriteHeader(header); err != nil {
		return fmt.Errorf("cannot describe %s: %w", name, err)
	}
	for _, d := range stretches {
		n, err := io.Copy(x.out, io.NewSectionReader(f, d.Offset, d.Length))
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", name, err)
		}
		if n < d.Length {
			return fmt.Errorf("cannot read %s: it was cut to %d of %d bytes while it was read", name, d.Offset+n, sparse.Size(header))
		}
	}
	return nil
}

// headerOf describes a regular file. Names of owners mean something else elsewhere, so
// there are numbers only.
func headerOf(name string, stat unix.Stat_t) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Format: tar.FormatPAX, Mode: int64(stat.Mode & modeBits),
		Uid: int(stat.Uid), Gid: int(stat.Gid), ModTime: time.Unix(stat.Mtim.Unix()),
	}
}

const modeBits = 0o7777

// isWhiteout is what an overlay file system takes for "removed": a device that anybody may
// make, and that is none.
func isWhiteout(kind uint32, device uint64) bool { return kind == unix.S_IFCHR && device == 0 }
