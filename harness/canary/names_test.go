package canary

import (
	"strings"
	"testing"

	"seatrial/harness/app"
)

func TestNamesThatSayThatTheyDoNotLast(t *testing.T) {
	for _, name := range []string{"cache/x", "a/.cache/b", "page-cache.db", "caches/y", "app.pid", "tmp/x", "logs/today", "a.log"} {
		if !passing(name) {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"geocache.db", "photos/a.jpg", "caching.md", "login/x", "news/today.md"} {
		if passing(name) || isCache(name) {
			t.Errorf("%s goes", name)
		}
	}
}

// TestFilesThatProgramsReplace: a store that goes on to its next segment loses nothing; a
// photo whose like did not come is lost.
func TestFilesThatProgramsReplace(t *testing.T) {
	files := func(names string) map[string]app.File {
		all := map[string]app.File{}
		for name := range strings.FieldsSeq(names) {
			path, sum, _ := strings.Cut(name, ":")
			all[path] = app.File{Path: path, Size: 1, Sum: sum}
		}
		return all
	}
	was := files("db/000005.ldb:a db/000006.ldb:b aof/base.1.rdb:c repo.git/HEAD:d repo.git/objects/ab/cdef:e photos/1.jpg:f photos/2.jpg:g notes.txt:h")
	rotates := rotating(was, files("db/000009.ldb:x aof/base.2.rdb:y repo.git/HEAD:d repo.git/objects/pack/pack-1.pack:z photos/2.jpg:g notes.txt:hh "+plainName+":m"))
	for name, want := range map[string]bool{
		"db/000005.ldb": true, "db/000006.ldb": true, "aof/base.1.rdb": true, "repo.git/objects/ab/cdef": true, "photos/1.jpg": false, "notes.txt": false,
	} {
		if got := rotates(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
