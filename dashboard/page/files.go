package page

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"seatrial/harness/run"
)

// shown are the files of an attempt's folder that are for everybody. The folder
// also holds what the bridge and the harness tell each other.
var shown = []string{"result.json", "junit.xml", "events.jsonl", "log.txt"}

// artifactsFolder holds what checks leave behind: screenshots, traces.
const artifactsFolder = "artifacts"

// kinds are the types that a browser may show. Anything else is a download: what a
// recipe wrote must not run here.
var kinds = map[string]string{
	".json": "application/json; charset=utf-8", ".jsonl": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",
	".log": "text/plain; charset=utf-8", ".xml": "text/xml; charset=utf-8", ".png": "image/png", ".jpg": "image/jpeg",
	".webp": "image/webp", ".webm": "video/webm",
}

// maxFiles bounds a listing.
const maxFiles = 500

type filesPage struct {
	ID     run.ID
	Recipe string
	Files  []fileRow
	More   bool
}

type fileRow struct {
	Name string
	Size int64
	When moment
}

func (p *Pages) files(w http.ResponseWriter, r *http.Request) {
	report, _, ok := p.report(w, r)
	if !ok {
		return
	}
	root, err := p.openFiles(report.Request.ID, attempt(r, report))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			p.Log.Error("cannot open a run's files", "run", report.Request.ID, "err", err)
		}
		p.missing(w, r, "This run has no files: it has not begun, or they were removed.")
		return
	}
	defer root.Close()
	name := r.PathValue("path")
	if name == "" {
		page := filesPage{ID: report.Request.ID, Recipe: report.Request.Recipe}
		page.Files, page.More = p.listFiles(root)
		p.show(w, r, http.StatusOK, "files", frame{Title: "Files of " + line(page.Recipe, 60), Page: page})
		return
	}
	p.serveFile(w, r, root, name)
}

func (p *Pages) openFiles(id run.ID, n int) (*os.Root, error) {
	if p.OpenFiles == nil {
		return nil, fs.ErrNotExist
	}
	return p.OpenFiles(id, n)
}

func (p *Pages) hasFiles(id run.ID, n int) bool {
	root, err := p.openFiles(id, n)
	if err != nil {
		return false
	}
	defer root.Close()
	files, _ := p.listFiles(root)
	return len(files) > 0
}

// forEverybody says whether a file may be shown, by its path in the folder.
func forEverybody(name string) bool {
	if !fs.ValidPath(name) || strings.Contains("/"+name, "/.") {
		return false
	}
	return slices.Contains(shown, name) || strings.HasPrefix(name, artifactsFolder+"/")
}

func (p *Pages) listFiles(root *os.Root) (files []fileRow, more bool) {
	add := func(name string, info fs.FileInfo) {
		if info.Mode().IsRegular() && forEverybody(name) {
			files = append(files, fileRow{name, info.Size(), p.at(info.ModTime())})
		}
	}
	for _, name := range shown {
		if info, err := root.Lstat(name); err == nil {
			add(name, info)
		}
	}
	// What cannot be read is not listed.
	_ = fs.WalkDir(root.FS(), artifactsFolder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if len(files) == maxFiles {
			more = true
			return fs.SkipAll
		}
		if info, err := d.Info(); err == nil {
			add(name, info)
		}
		return nil
	})
	return files, more
}

func (p *Pages) serveFile(w http.ResponseWriter, r *http.Request, root *os.Root, name string) {
	nothing := func() { p.missing(w, r, "This run has no such file.") }
	if !forEverybody(name) {
		nothing()
		return
	}
	// Links are not followed, whatever they point to; and what becomes one between
	// the look and the opening still cannot leave the folder.
	if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		nothing()
		return
	}
	f, err := root.Open(name)
	if err != nil {
		nothing()
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		nothing()
		return
	}
	Safe(w.Header())
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	kind, ok := kinds[strings.ToLower(path.Ext(name))]
	if !ok {
		kind = "application/octet-stream"
		w.Header().Set("Content-Disposition", "attachment")
	}
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", info.ModTime(), io.NewSectionReader(f, 0, info.Size()))
}
