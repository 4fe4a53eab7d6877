package guestbook

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// program is a release: what its folder held when it was built.
type program struct {
	version    string
	page       *template.Template
	style      []byte
	migrations []migration
	queries    map[string]string
}

type migration struct{ name, sql string }

// parts are the folders and files of a release that belong to its program.
var parts = []string{"VERSION", "app"}

// queryNames are the statements that every release has.
var queryNames = []string{"add", "count", "health", "list"}

// read reads a release and refuses one that cannot work.
func read(files fs.FS) (*program, error) {
	version, err := fs.ReadFile(files, "VERSION")
	if err != nil {
		return nil, err
	}
	p := &program{version: strings.TrimSpace(string(version)), queries: map[string]string{}}
	if p.version == "" {
		return nil, errors.New("VERSION is empty")
	}
	if p.page, err = template.ParseFS(files, "app/page.html"); err != nil {
		return nil, fmt.Errorf("app/page.html: %w", err)
	}
	if p.style, err = fs.ReadFile(files, "app/style.css"); err != nil {
		return nil, err
	}
	for _, name := range queryNames {
		text, err := fs.ReadFile(files, "app/queries/"+name+".sql")
		if err != nil {
			return nil, err
		}
		p.queries[name] = string(text)
	}
	found, err := fs.Glob(files, "app/migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(found)
	for i, name := range found {
		if want := fmt.Sprintf("%03d.sql", i+1); path.Base(name) != want {
			return nil, fmt.Errorf("%s: migrations are numbered without a gap; this one should be %s", name, want)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		p.migrations = append(p.migrations, migration{path.Base(name), string(text)})
	}
	if len(p.migrations) == 0 {
		return nil, errors.New("app/migrations: there is none")
	}
	return p, nil
}

// appended finds the release that is appended to this executable.
func appended() (*program, error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer exe.Close()
	size, err := exe.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	files, err := zip.NewReader(exe, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, errors.New("this is the guestbook's toolchain, not a guestbook: build one with guestbook build OUT")
	}
	if err != nil {
		return nil, err
	}
	return read(files)
}

// build writes an executable of the release in a folder: this program without what
// is appended to it, and the release's files.
func build(dir, out string) (err error) {
	files := os.DirFS(dir)
	if _, err := read(files); err != nil {
		return fmt.Errorf("cannot build: %w", err)
	}
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if appended, err := zip.NewReader(bytes.NewReader(exe), int64(len(exe))); err == nil && len(appended.File) > 0 {
		first, err := appended.File[0].DataOffset()
		if err != nil {
			return err
		}
		exe = exe[:first-headerSize(appended.File[0])]
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(exe); err != nil {
		return err
	}
	w := zip.NewWriter(f)
	w.SetOffset(int64(len(exe)))
	for _, part := range parts {
		err := fs.WalkDir(files, part, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err != nil {
				return err
			}
			_, err = entry.Write(text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return w.Close()
}

// headerSize is the length of what stands before a file's content.
func headerSize(f *zip.File) int64 {
	const fixed = 30
	return fixed + int64(len(f.Name)) + int64(len(f.Extra))
}
