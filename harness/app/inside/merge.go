package inside

import (
	"os"

	"golang.org/x/sys/unix"

	"seatrial/harness/tree"
)

// merge moves what is in an unpacked folder into the folder of its name.
func (im *importer) merge(from, to *os.File) error {
	return eachName(from, func(name string) error { return im.mergeEntry(from, to, name) })
}

func (im *importer) mergeEntry(from, to *os.File, name string) error {
	var stat, there unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	err := unix.Fstatat(int(to.Fd()), name, &there, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil && err != unix.ENOENT {
		return err
	}
	isFolder, wasFolder := stat.Mode&unix.S_IFMT == unix.S_IFDIR, there.Mode&unix.S_IFMT == unix.S_IFDIR
	if !isFolder || !wasFolder {
		if err == nil && isFolder != wasFolder {
			if err := tree.RemoveIn(to, name); err != nil {
				return err
			}
		}
		return unix.Renameat(int(from.Fd()), name, int(to.Fd()), name)
	}
	source, err := subfolder(from, name)
	if err != nil {
		return err
	}
	defer source.Close()
	// It is filled first: it may be one that may not be written to.
	if err := unix.Fchmodat(int(to.Fd()), name, there.Mode&modeBits|0o700, 0); err != nil {
		return err
	}
	target, err := subfolder(to, name)
	if err != nil {
		return err
	}
	defer target.Close()
	if err := im.merge(source, target); err != nil {
		return err
	}
	return unix.Fchmod(int(target.Fd()), there.Mode&modeBits)
}

func subfolder(folder *os.File, name string) (*os.File, error) {
	fd, err := openFolder(int(folder.Fd()), name)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
