package loaded

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"seatrial/harness/tree"
)

// Mark is what shows that a file was written to.
type Mark struct {
	Size         int64
	Mode         uint32
	mtime, ctime unix.Timespec
	inode        uint64
}

func markOf(stat unix.Stat_t) Mark {
	return Mark{Size: stat.Size, Mode: stat.Mode, mtime: stat.Mtim, ctime: stat.Ctim, inode: stat.Ino}
}

// sameContent says that two marks are of one file to which nothing was written in
// between. Another owner or mode is not another content.
func (m Mark) sameContent(other Mark) bool {
	return m.Size == other.Size && m.mtime == other.mtime && m.inode == other.inode
}

// Manifest is every file of a folder with its mark, by path.
type Manifest map[string]Mark

// maxManifest bounds what an app that writes without end can make us remember.
const maxManifest = 500_000

// ReadManifest looks at every file below dir and follows nothing.
func ReadManifest(dir string) (Manifest, error) {
	top, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	m := Manifest{}
	err = tree.Walk(top, func(e tree.Entry, err error) error {
		if err != nil || e.Kind() == unix.S_IFDIR {
			return nil // what cannot be read cannot be told; the app may also have removed it
		}
		if len(m) == maxManifest {
			return fs.SkipAll
		}
		m[e.Path] = markOf(e.Stat)
		return nil
	})
	return m, err
}
