package canary

import (
	"maps"
	"path"
	"slices"
	"strings"

	"seatrial/harness/app"
	"seatrial/internal/lazyregexp"
)

// populated are the folders with files in them into which a file can be put without harm:
// a queue's would be taken for work, and one of git's for a branch.
func populated(list app.Files) []string {
	held, heads := map[string]bool{}, map[string]bool{}
	for _, f := range list.All {
		held[path.Dir(f.Path)] = true
		heads[path.Dir(f.Path)] = heads[path.Dir(f.Path)] || path.Base(f.Path) == "HEAD"
	}
	dirs := slices.DeleteFunc(slices.Collect(maps.Keys(held)), func(dir string) bool {
		hidden := strings.HasPrefix(dir, ".") || strings.Contains(dir, "/.")
		return hidden || passing(dir) || inside(heads, dir) // the root is "." and has marks of its own
	})
	slices.SortFunc(dirs, func(a, b string) int {
		if n := strings.Count(a, "/") - strings.Count(b, "/"); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	return dirs[:min(len(dirs), markedFolders)]
}

// passingFolders are the names of folders whose files come and go.
var passingFolders = []string{
	"tmp", "temp", ".tmp", "log", "logs", "run", "lock", "locks", "session", "sessions", "queue", "queues", "spool", "new", "cur", "inbox", "incoming", "__pycache__",
}

// passing says whether a file's name, or a folder's that it lies in, says that it is not
// there to stay.
func passing(name string) bool {
	switch base := strings.ToLower(path.Base(name)); path.Ext(base) {
	case ".pid", ".lock", ".sock", ".tmp", ".temp", ".swp", ".part", ".log", ".pyc":
		return true
	}
	return isCache(name) || slices.ContainsFunc(strings.Split(strings.ToLower(name), "/"), func(part string) bool { return slices.Contains(passingFolders, part) })
}

// cacheName is part of a name that says that all can be made again.
var cacheName = lazyregexp.New(`(?i)(^|[/._-])caches?([/._-]|$)`)

// isCache says whether a database's name, or that of a folder that it lies in, says so.
func isCache(name string) bool { return cacheName.MatchString(name) }

// counted are the parts of a name that tell one of many from the next.
var counted = lazyregexp.New(`[0-9a-fA-F]{8,}|[0-9]+`)

// rotating tells files that programs replace by others of their kind as they go: segments,
// logs, the stores of many a database. Where one is gone, another one with a name like it,
// but for its number, is new or other in the same folder. What git keeps, git packs.
func rotating(was, is map[string]app.File) func(name string) bool {
	fresh, heads := map[string]bool{}, map[string]bool{}
	for name, f := range is {
		if old, there := was[name]; !isMark(name) && (!there || old.Sum != f.Sum) {
			fresh[like(name)] = true
		}
	}
	for name := range was {
		heads[path.Dir(name)] = heads[path.Dir(name)] || path.Base(name) == "HEAD"
	}
	return func(name string) bool {
		return like(name) != name && fresh[like(name)] || inside(heads, path.Dir(name))
	}
}

func like(name string) string {
	dir, base := path.Split(name)
	return dir + counted.ReplaceAllString(base, "#")
}

// inside says whether a folder is one of some, or lies in one.
func inside(some map[string]bool, dir string) bool {
	for ; ; dir = path.Dir(dir) {
		if some[dir] {
			return true
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}
