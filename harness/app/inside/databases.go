package inside

import (
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	// SQLiteMagic is how every database of SQLite begins.
	SQLiteMagic = "SQLite format 3\x00"
	// maxDatabases bounds what a hostile app can make us list.
	maxDatabases = 1000
)

// Databases lists the SQLite databases below dir, relative to it. The files that
// SQLite itself keeps beside a database do not count, nor does what cannot be read.
func Databases(dir string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var found []string
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || companion(name) {
			return nil
		}
		if len(found) == maxDatabases {
			return fs.SkipAll
		}
		if IsSQLite(root, name) {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}

func companion(name string) bool {
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return strings.Contains(name, importPrefix)
}

// IsSQLite says whether a file below a root is an SQLite database.
func IsSQLite(root *os.Root, name string) bool {
	f, err := OpenRegular(root, name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(SQLiteMagic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == SQLiteMagic
}
