package inside

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"seatrial/harness/tree"
)

// importPrefix starts the name of the folder in which an import is prepared.
const importPrefix = ".seatrial-import-"

// Import replaces what lies in dir by the stream's entries, and what the folder itself
// is like if the stream says so. An entry that would leave dir is refused. Whatever goes
// wrong with the stream, dir is then as it was. Where dir is public, others on this
// machine can reach what is in it. What could not be kept is listed, a line a kind.
func Import(dir string, public bool, r io.Reader) (notKept []string, err error) {
	im := &importer{public: public}
	return im.put(dir, r, im.replace)
}

// Merge writes the stream's entries into dir, over what has their names, and leaves
// alone whatever else lies there. Otherwise it is like Import.
func Merge(dir string, public bool, r io.Reader) (notKept []string, err error) {
	im := &importer{public: public}
	return im.put(dir, r, func(top *os.File, _ string) error { return im.merge(im.top, top) })
}

// Owner is whom all that is copied belongs to.
type Owner struct{ UID, GID int }

// Copy makes a folder like another one, and makes it if it is missing. Without an owner,
// everything belongs to whom it belonged to. What could not be kept is listed.
func Copy(from, to string, owner *Owner) (notKept []string, err error) {
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	read, write := io.Pipe()
	exported := make(chan []string, 1)
	go func() {
		notKept, err := Export(from, write)
		write.CloseWithError(err)
		exported <- notKept
	}()
	im := &importer{owner: owner}
	notImported, err := im.put(to, read, im.replace)
	read.CloseWithError(fs.ErrClosed) // in case it was not read to its end
	return append(<-exported, notImported...), err
}

// put unpacks a stream in a folder beside the data and has what was unpacked moved.
func (im *importer) put(dir string, r io.Reader, move func(top *os.File, fresh string) error) (notKept []string, err error) {
	top, restore, err := openVolume(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the volume: %w", err)
	}
	defer top.Close()
	defer im.close()
	fresh := importPrefix + rand.Text()
	if err = unix.Mkdirat(int(top.Fd()), fresh, 0o700); err != nil {
		err = fmt.Errorf("cannot prepare the volume: %w", err)
	} else {
		if err = im.unpack(top, fresh, r); err == nil {
			if err = move(top, fresh); err != nil {
				err = fmt.Errorf("cannot fill the volume: %w", err)
			}
		}
		err = errors.Join(err, tree.RemoveIn(top, fresh))
	}
	if err = errors.Join(err, restore()); err != nil {
		return nil, err
	}
	return im.lines(), im.finish(top)
}

// replace removes everything but the fresh folder and moves that folder's content up.
func (im *importer) replace(top *os.File, fresh string) error {
	if err := eachName(top, func(name string) error {
		if name == fresh {
			return nil
		}
		return tree.RemoveIn(top, name)
	}); err != nil {
		return err
	}
	return eachName(im.top, func(name string) error {
		return unix.Renameat(int(im.top.Fd()), name, int(top.Fd()), name)
	})
}

// openVolume opens the folder for changes; restore makes it again as it was.
func openVolume(dir string) (top *os.File, restore func() error, err error) {
	if top, err = os.Open(dir); err != nil {
		return nil, nil, err
	}
	fd := int(top.Fd())
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil && stat.Mode&unix.S_IRWXU != unix.S_IRWXU {
		err = unix.Fchmod(fd, stat.Mode&modeBits|unix.S_IRWXU)
	}
	if err != nil {
		top.Close()
		return nil, nil, err
	}
	return top, func() error {
		if stat.Mode&unix.S_IRWXU == unix.S_IRWXU {
			return nil
		}
		return unix.Fchmod(fd, stat.Mode&modeBits)
	}, nil
}

func eachName(folder *os.File, do func(name string) error) error {
	// A file that was listed once is at its end.
	again, err := openFolder(int(folder.Fd()), ".")
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(again), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := do(name); err != nil {
			return err
		}
	}
	return nil
}
