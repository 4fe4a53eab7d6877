package inside

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/tree"
)

const (
	// maxFiles bounds what an app that writes without end can make us list.
	maxFiles = 20_000
	// maxSummed is how much of a volume is read for the sums of its files.
	maxSummed = 128 << 20
)

// Files lists the regular files below dir. What cannot be read is listed without a sum.
func Files(dir string) (app.Files, error) {
	list := app.Files{All: []app.File{}}
	top, err := os.Open(dir)
	if err != nil {
		return list, err
	}
	defer top.Close()
	left := int64(maxSummed)
	err = tree.Walk(top, func(e tree.Entry, err error) error {
		if err != nil || e.Kind() != unix.S_IFREG {
			return nil
		}
		if len(list.All) == maxFiles {
			list.Cut = true
			return fs.SkipAll
		}
		f := app.File{Path: listed(e.Path), Size: e.Stat.Size, Modified: time.Unix(e.Stat.Mtim.Unix())}
		if f.Size <= left {
			f.Sum = sum(e)
			left -= f.Size
		}
		list.All = append(list.All, f)
		return nil
	})
	return list, err
}

// listed is a path as JSON can hold it.
func listed(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strconv.Quote(name)
}

func sum(e tree.Entry) string {
	f, err := e.Open()
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	// One that grows meanwhile is read as far as it was.
	if _, err := io.Copy(h, io.LimitReader(f, e.Stat.Size)); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ReadFiles reads what the tool that lists files wrote.
func ReadFiles(answer []byte) (list app.Files, err error) {
	err = json.Unmarshal(answer, &list)
	return list, err
}
