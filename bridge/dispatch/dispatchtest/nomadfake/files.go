package nomadfake

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/nomad/api"
)

func fileRoutes() []route {
	return []route{
		{pattern: "GET /v1/client/fs/ls/{alloc}", answer: (*Fake).listFiles, long: true},
		{pattern: "GET /v1/client/fs/stat/{alloc}", answer: (*Fake).statFile, long: true},
		{pattern: "GET /v1/client/fs/cat/{alloc}", answer: (*Fake).readFile, long: true, lax: true},
		{pattern: "GET /v1/client/fs/readat/{alloc}", answer: (*Fake).readFile, long: true, lax: true},
		{pattern: "GET /v1/client/fs/stream/{alloc}", answer: (*Fake).streamFile, long: true},
		{pattern: "GET /v1/client/fs/logs/{alloc}", answer: (*Fake).streamLog, long: true},
	}
}

// onNode finds an allocation whose node answers, for somebody with one of the capabilities.
func (f *Fake) onNode(q *ask, capabilities ...string) (*allocation, error) {
	name := q.PathValue("alloc")
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.allocs[name]
	if a == nil {
		return nil, refuse(http.StatusNotFound, "Unknown allocation %q", name)
	}
	if q.token == nil {
		return nil, refuse(http.StatusForbidden, "Permission denied")
	}
	if err := q.mayIn(a.Namespace, capabilities...); err != nil {
		return nil, err
	}
	if a.node.away || a.node.Status == api.NodeStatusDown {
		return nil, refuse(http.StatusNotFound, "No path to node")
	}
	if a.gone {
		return nil, refuse(http.StatusNotFound, "Unknown allocation %q", name)
	}
	return a, nil
}

// locate finds where a path in an allocation's directory is on this machine.
func (f *Fake) locate(a *allocation, path string) (string, error) {
	root := f.AllocDir(a.ID)
	full := filepath.Join(root, path)
	if target, err := filepath.EvalSymlinks(full); !below(full, root) || err == nil && !below(target, root) {
		return "", fault("Path escapes the alloc directory")
	}
	return full, nil
}

func below(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+string(filepath.Separator))
}

func infoOf(i fs.FileInfo) *api.AllocFileInfo {
	return &api.AllocFileInfo{Name: i.Name(), IsDir: i.IsDir(), Size: i.Size(), FileMode: i.Mode().String(), ModTime: i.ModTime()}
}

// missing words what the disk says as Nomad does, with the code that it gives.
func missing(err error, code int) error {
	if errors.Is(err, fs.ErrNotExist) {
		return refuse(code, "%v", err)
	}
	return err
}

func (f *Fake) listFiles(q *ask) (any, error) {
	a, err := f.onNode(q, "read-fs")
	if err != nil {
		return nil, err
	}
	path, err := f.locate(a, q.param("path"))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, missing(err, http.StatusNotFound)
	}
	files := []*api.AllocFileInfo{}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil { // else it was removed meanwhile
			files = append(files, infoOf(info))
		}
	}
	slices.SortFunc(files, func(a, b *api.AllocFileInfo) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

func (f *Fake) statFile(q *ask) (any, error) {
	a, path, err := f.file(q)
	if err != nil {
		return nil, err
	}
	if path, err = f.locate(a, path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, missing(err, http.StatusNotFound)
	}
	return infoOf(info), nil
}

// file is the allocation and the path that are asked for.
func (f *Fake) file(q *ask) (*allocation, string, error) {
	if q.param("path") == "" {
		return nil, "", refuse(http.StatusBadRequest, "must provide a file name")
	}
	a, err := f.onNode(q, "read-fs")
	return a, q.param("path"), err
}

// open opens a plain file at an offset from its start, or, where origin says so, its end.
func (f *Fake) open(a *allocation, path, origin string, offset int64) (*os.File, int64, error) {
	full, err := f.locate(a, path)
	if err != nil {
		return nil, 0, err
	}
	info, err := os.Stat(full)
	if err != nil {
		return nil, 0, missing(err, http.StatusBadRequest)
	}
	if info.IsDir() {
		return nil, 0, refuse(http.StatusBadRequest, "file %q is a directory", path)
	}
	if origin == api.OriginEnd {
		offset = max(0, info.Size()-offset)
	}
	for _, task := range a.group.Tasks {
		secrets := filepath.Join(f.AllocDir(a.ID), task.Name, "secrets")
		if below(full, secrets) {
			return nil, 0, fault("Reading secret file prohibited: %s", path)
		}
	}
	file, err := os.Open(full)
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	return file, offset, err
}

// readFile answers cat and readat: the file as it is now. As with the real one, what
// keeps it from that is told as if it were the file: the code is always 200.
func (f *Fake) readFile(q *ask) (any, error) {
	if err := f.copyFile(q); err != nil {
		_, _ = io.WriteString(q.w, err.Error())
	}
	return sent{}, nil
}

func (f *Fake) copyFile(q *ask) error {
	var offset, limit int64
	if strings.Contains(q.Pattern, "readat") {
		var err error
		if offset, err = strconv.ParseInt(q.param("offset"), 10, 64); err != nil {
			return fault("error parsing offset: %v", err)
		}
		limit, _ = strconv.ParseInt(q.param("limit"), 10, 64)
	}
	a, path, err := f.file(q)
	if err != nil {
		return err
	}
	file, _, err := f.open(a, path, api.OriginStart, offset)
	if err != nil {
		return err
	}
	defer file.Close()
	var from io.Reader = file
	if limit > 0 {
		from = io.LimitReader(file, limit)
	}
	_, err = io.Copy(q.w, from)
	return err
}
