package stage

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"seatrial/harness/canary"
	"seatrial/harness/sparse"
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

// choice is what of a volume is copied.
type choice struct {
	exclude exclusion
	paths   []string // and what lies in them; none: everything
	// mark is put into each folder among paths, as if it had been there: marks of ours
	// lie at a volume's root, which is not copied then.
	mark string
}

// folderOf is the chosen path that an entry shows to be a folder.
func (c choice) folderOf(name string, folder bool) (string, bool) {
	i := slices.IndexFunc(c.paths, func(p string) bool { return folder && name == p || strings.HasPrefix(name, p+"/") })
	if i < 0 || c.mark == "" {
		return "", false
	}
	return c.paths[i], true
}

// takes says whether an entry is copied. The folders on the way to a path are.
func (c choice) takes(volume, name string, folder bool) bool {
	if c.exclude.match(volume, name) {
		return false
	}
	return len(c.paths) == 0 || under(c.paths, name) ||
		folder && name != "" && slices.ContainsFunc(c.paths, func(p string) bool { return strings.HasPrefix(p, name+"/") })
}

// kind is what a file looks like from its first bytes and its name.
type kind int

const (
	plainFile kind = iota
	database       // SQLite
)

// entry is one file of a snapshot.
type entry struct {
	path string // within the volume
	size int64
	kind kind
	at   time.Time // when it was last written to
	// hooked says that a hook of the backup wrote it: files of people may have any name.
	hooked bool
}

// manifest is what a snapshot holds.
type manifest struct {
	files []entry // regular ones, without marks of ours
	all   int     // how many there were before anything was left out
	// others are folders and links. A hard link's content is a file's.
	others, linked []string
	// lost are hard links that were chosen, to files that were not.
	lost []string
	// marked are the folders into which the mark was put.
	marked []string
}

var sqliteMagic = []byte("SQLite format 3\x00")

// filter copies what is chosen of a tar stream and says what that is.
func filter(r io.Reader, w io.Writer, volume string, chosen choice) (manifest, error) {
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
		if !chosen.takes(volume, name, header.Typeflag == tar.TypeDir) {
			continue
		}
		switch target := inside(header.Linkname); {
		case header.Typeflag == tar.TypeLink && !chosen.takes(volume, target, false):
			if !chosen.exclude.match(volume, target) {
				m.lost = append(m.lost, fmt.Sprintf("%s, which is a hard link to %s", path.Join(volume, name), target))
			}
			continue
		case header.Typeflag == tar.TypeLink:
			m.linked = append(m.linked, name)
		case header.Typeflag != tar.TypeReg:
			m.others = append(m.others, name)
		}
		folder, marks := chosen.folderOf(name, header.Typeflag == tar.TypeDir)
		marks = marks && !slices.Contains(m.marked, folder) && !chosen.exclude.match(volume, path.Join(folder, canary.FileName))
		if err := out.WriteHeader(header); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		body := bufio.NewReader(in)
		start, _ := body.Peek(len(sqliteMagic)) // no file with a hole there is a database
		if regular {
			m.files = append(m.files, entry{path: name, size: sparse.Size(header), kind: look(start), at: header.ModTime})
		}
		if _, err := io.Copy(out, body); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		if marks {
			m.marked = append(m.marked, folder)
			if err := writeMark(out, path.Join(folder, canary.FileName), chosen.mark, header); err != nil {
				return m, err
			}
		}
	}
}

// writeMark adds a file of ours, which belongs to whom the entry beside it does.
func writeMark(out *tar.Writer, name, mark string, beside *tar.Header) error {
	err := out.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: int64(len(mark)), Mode: 0o644, ModTime: beside.ModTime,
		Uid: beside.Uid, Gid: beside.Gid, Uname: beside.Uname, Gname: beside.Gname,
	})
	if err == nil {
		_, err = io.WriteString(out, mark)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func look(start []byte) kind {
	if bytes.Equal(start, sqliteMagic) {
		return database
	}
	return plainFile
}

// inside is a tar entry's path within its volume.
func inside(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}
