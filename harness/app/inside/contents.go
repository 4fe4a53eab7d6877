package inside

import (
	"crypto/sha256"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"seatrial/harness/tree"
)

// Digest is what tells one content from another.
type Digest [sha256.Size]byte

// Contents finds the files of a folder by what is in them. Files are read only
// when one of their size is asked for.
type Contents struct {
	dir    string
	bySize map[int64][]string
}

// IndexContents looks at the sizes of a folder's files.
func IndexContents(dir string) (Contents, error) {
	c := Contents{dir: dir, bySize: map[int64][]string{}}
	top, err := os.Open(dir)
	if err != nil {
		return c, err
	}
	defer top.Close()
	err = tree.Walk(top, func(e tree.Entry, err error) error {
		if err == nil && e.Kind() == unix.S_IFREG && e.Stat.Size > 0 { // an empty file belongs to every release
			c.bySize[e.Stat.Size] = append(c.bySize[e.Stat.Size], e.Path)
		}
		return err
	})
	return c, err
}

// Find says where a content lies.
func (c Contents) Find(sum Digest, size int64) (string, bool) {
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return "", false
	}
	defer root.Close()
	for _, name := range c.bySize[size] {
		f, err := OpenRegular(root, name)
		if err != nil {
			continue
		}
		other, _, err := HashFile(f)
		f.Close()
		if err == nil && other == sum {
			return name, true
		}
	}
	return "", false
}

// maxHashed bounds what is read to find out what runs.
const maxHashed = 4 << 30

// HashFile reads a file to its end.
func HashFile(f *os.File) (Digest, int64, error) {
	h := sha256.New()
	size, err := io.Copy(h, io.LimitReader(f, maxHashed))
	if err != nil {
		return Digest{}, 0, err
	}
	return Digest(h.Sum(nil)), size, nil
}

// At says what lies at a path.
func (c Contents) At(name string) (sum Digest, size int64, ok bool) {
	root, err := os.OpenRoot(c.dir)
	if c.dir == "" || err != nil {
		return Digest{}, 0, false
	}
	defer root.Close()
	f, err := OpenRegular(root, name)
	if err != nil {
		return Digest{}, 0, false
	}
	defer f.Close()
	sum, size, err = HashFile(f)
	return sum, size, err == nil
}
