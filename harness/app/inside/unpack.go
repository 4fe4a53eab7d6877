package inside

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"seatrial/harness/sparse"
)

// importer makes files of a stream.
type importer struct {
	losses
	public bool
	owner  *Owner
	top    *os.File // the folder in which it unpacks
	// later are the folders that the stream describes. Their modes, owners, times come
	// last: one that may not be written to is filled first.
	later []*tar.Header
}

// unpack makes a folder's content of the stream.
func (im *importer) unpack(volume *os.File, fresh string, r io.Reader) error {
	var err error
	if im.top, err = subfolder(volume, fresh); err != nil {
		return fmt.Errorf("cannot prepare the volume: %w", err)
	}
	// What the volume would pass on to new files is no matter of the stream.
	_ = unix.Fchmod(int(im.top.Fd()), 0o700)
	_ = unix.Fremovexattr(int(im.top.Fd()), defaultList)
	dirs := &folders{top: int(im.top.Fd())}
	defer dirs.close()
	in := tar.NewReader(r)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("cannot read the archive: %w", err)
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if header.Name, err = local(header.Name); err != nil {
			return err
		}
		if err := im.entry(dirs, header, in); err != nil {
			return fmt.Errorf("cannot import %q: %w", header.Name, err)
		}
	}
	// Whoever writes the stream is not to be cut off in its padding.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("cannot read the archive: %w", err)
	}
	return nil
}

func local(name string) (string, error) {
	clean := path.Clean(name)
	if !filepath.IsLocal(clean) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("cannot import %q: it would leave the volume", name)
	}
	return clean, nil
}

func (im *importer) close() {
	if im.top != nil {
		im.top.Close()
	}
}

func (im *importer) entry(dirs *folders, header *tar.Header, in io.Reader) error {
	if header.Name == "." {
		if header.Typeflag == tar.TypeDir {
			im.later = append(im.later, header)
		}
		return nil
	}
	dir, base, err := dirs.parent(header.Name, true)
	if err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		im.later = append(im.later, header)
		_, err := dirs.open(header.Name, true)
		return err
	case tar.TypeReg:
		return im.file(dir, base, header, in)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(header.Linkname, dir, base); err != nil {
			return err
		}
		return im.special(dir, base, header)
	case tar.TypeLink:
		return im.link(dir, base, header)
	case tar.TypeFifo:
		return im.node(dir, base, header, unix.S_IFIFO)
	case tar.TypeChar, tar.TypeBlock:
		if header.Typeflag == tar.TypeChar && header.Devmajor == 0 && header.Devminor == 0 {
			return im.node(dir, base, header, unix.S_IFCHR)
		}
		im.lose(devices, header.Name)
		return nil
	default:
		return fmt.Errorf("an entry of kind %q is nothing that a volume holds", header.Typeflag)
	}
}

// file makes a regular file; a hole stays a hole.
func (im *importer) file(dir int, base string, header *tar.Header, in io.Reader) error {
	size, stretches, holes, err := sparse.Parse(header)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	if !holes {
		if _, err := io.Copy(f, in); err != nil {
			return err
		}
	} else if err := f.Truncate(size); err != nil {
		return err
	}
	for _, d := range stretches {
		if _, err := io.CopyN(io.NewOffsetWriter(f, d.Offset), in, d.Length); err != nil {
			return err
		}
	}
	return im.describe(f, header)
}

// link gives a file a second name. The first one lies in the same volume.
func (im *importer) link(dir int, base string, header *tar.Header) error {
	target, err := local(header.Linkname)
	if err != nil {
		return err
	}
	to := &folders{top: int(im.top.Fd())}
	defer to.close()
	first, name, err := to.parent(target, false)
	if err != nil {
		return err
	}
	return unix.Linkat(first, name, dir, base, 0)
}

// node makes a pipe, or a whiteout.
func (im *importer) node(dir int, base string, header *tar.Header, kind uint32) error {
	if err := unix.Mknodat(dir, base, kind|0o600, 0); err == unix.EPERM {
		im.lose(devices, header.Name)
		return nil
	} else if err != nil {
		return err
	}
	return im.special(dir, base, header)
}

// special gives what cannot be opened its owner, mode and time.
func (im *importer) special(dir int, base string, header *tar.Header) error {
	var stat unix.Stat_t
	if err := unix.Fstatat(dir, base, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if err := im.own(header, stat, func(uid, gid int) error { return unix.Fchownat(dir, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeSymlink {
		if err := unix.Fchmodat(dir, base, uint32(header.Mode)&modeBits, 0); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(dir, base, timesOf(header), unix.AT_SYMLINK_NOFOLLOW)
}

// describe gives an open file or folder all that the header says of it. The order counts:
// a new owner costs a file its setuid bit and its capabilities.
func (im *importer) describe(f *os.File, header *tar.Header) error {
	fd := int(f.Fd())
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if err := im.own(header, stat, func(uid, gid int) error { return unix.Fchown(fd, uid, gid) }); err != nil {
		return err
	}
	if err := im.setAttributes(f, header); err != nil {
		return err
	}
	mode := uint32(header.Mode) & modeBits
	if risky := mode & (unix.S_ISUID | unix.S_ISGID); im.public && risky != 0 && header.Typeflag == tar.TypeReg {
		im.lose(setID, header.Name)
		mode &^= risky
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	return unix.UtimesNanoAt(fd, "", timesOf(header), unix.AT_EMPTY_PATH)
}

// own gives what was made to whom it belonged, as far as we may.
func (im *importer) own(header *tar.Header, now unix.Stat_t, give func(uid, gid int) error) error {
	uid, gid := header.Uid, header.Gid
	if im.owner != nil {
		uid, gid = im.owner.UID, im.owner.GID
	}
	if uid == int(now.Uid) && gid == int(now.Gid) {
		return nil
	}
	err := give(uid, gid)
	if err == unix.EPERM && uid != int(now.Uid) && gid != int(now.Gid) {
		_ = give(-1, gid) // a group of ours, perhaps
	}
	if err == unix.EPERM || err == unix.EINVAL {
		im.lose(owners, header.Name)
		return nil
	}
	return err
}

// finish says of the folders what the stream said of them, those below first.
func (im *importer) finish(top *os.File) error {
	slices.SortStableFunc(im.later, func(a, b *tar.Header) int { return cmp.Compare(folderKey(b), folderKey(a)) })
	dirs := &folders{top: int(top.Fd())}
	defer dirs.close()
	for _, header := range im.later {
		fd, err := dirs.open(header.Name, false)
		if err == nil {
			err = im.describeFolder(fd, header)
		}
		if err != nil {
			return fmt.Errorf("cannot import %q: %w", header.Name, err)
		}
	}
	return nil
}

// folderKey sorts a folder before what lies in it.
func folderKey(header *tar.Header) string {
	return strings.TrimPrefix(path.Join("/", header.Name), "/")
}

// describeFolder works on a file of its own: the folder stays open.
func (im *importer) describeFolder(fd int, header *tar.Header) error {
	own, err := openFolder(fd, ".")
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(own), header.Name)
	defer f.Close()
	return im.describe(f, header)
}

// timesOf are the times to set: when it was changed. When it was read is not kept.
func timesOf(header *tar.Header) []unix.Timespec {
	at := unix.Timespec{Sec: header.ModTime.Unix(), Nsec: int64(header.ModTime.Nanosecond())}
	return []unix.Timespec{at, at}
}
