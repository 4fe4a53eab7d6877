package stage

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"seatrial/harness/canary"
)

// exclusion are globs over <volume>/<path> that a backup does not cover. A folder
// that matches is left out with everything in it.
type exclusion []string

func (e exclusion) match(volume, name string) bool {
	for full := path.Join(volume, name); full != "." && full != "/"; full = path.Dir(full) {
		for _, glob := range e {
			if ok, _ := doublestar.Match(glob, full); ok {
				return true
			}
		}
	}
	return false
}

// whole says whether the volume is left out on purpose.
func (e exclusion) whole(volume string) bool {
	return e.match(volume, "any/file") && e.match(volume, "any")
}

// kind is what a file looks like from its first bytes and its name.
type kind int

const (
	plain    kind = iota
	database      // SQLite
	gzipped
)

// entry is one file of a snapshot.
type entry struct {
	path string // within the volume
	size int64
	kind kind
}

// manifest is what a snapshot holds.
type manifest struct {
	files []entry // regular ones, without marks of ours
	all   int     // how many there were before anything was left out
}

var sqliteMagic = []byte("SQLite format 3\x00")

// filter copies a tar stream without what is excluded and says what it holds.
func filter(r io.Reader, w io.Writer, volume string, exclude exclusion) (manifest, error) {
	var m manifest
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		header, err := in.Next()
		if err == io.EOF {
			// What stands behind the archive's end belongs to the stream all the same.
			if _, err := io.Copy(io.Discard, r); err != nil {
				return m, err
			}
			return m, out.Close()
		}
		if err != nil {
			return m, err
		}
		name := inside(header.Name)
		regular := header.Typeflag == tar.TypeReg && path.Base(name) != canary.FileName
		if regular {
			m.all++
		}
		if exclude.match(volume, name) || header.Typeflag == tar.TypeLink && exclude.match(volume, inside(header.Linkname)) {
			continue
		}
		if err := out.WriteHeader(header); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		body := bufio.NewReader(in)
		start, _ := body.Peek(len(sqliteMagic))
		if regular {
			m.files = append(m.files, entry{path: name, size: header.Size, kind: look(name, start)})
		}
		if _, err := io.Copy(out, body); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
}

func look(name string, start []byte) kind {
	switch {
	case bytes.Equal(start, sqliteMagic):
		return database
	case strings.HasSuffix(name, ".gz"), strings.HasSuffix(name, ".tgz"):
		return gzipped
	default:
		return plain
	}
}

// inside is a tar entry's path within its volume.
func inside(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}
