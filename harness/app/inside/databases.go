package inside

import (
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"seatrial/harness/tree"
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
	top, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	var found []string
	err = tree.Walk(top, func(e tree.Entry, err error) error {
		if err != nil || e.Kind() != unix.S_IFREG || companion(e.Path) {
			return nil
		}
		if len(found) == maxDatabases {
			return fs.SkipAll
		}
		if IsSQLite(e) {
			found = append(found, e.Path)
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

// IsSQLite says whether a file that a walk met is an SQLite database.
func IsSQLite(e tree.Entry) bool {
	f, err := e.Open()
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(SQLiteMagic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == SQLiteMagic
}
