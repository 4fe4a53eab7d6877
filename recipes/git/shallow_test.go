package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shallowClone is one of depth 1, and what it was cloned from: three commits, of which
// the first is tagged.
func shallowClone(t *testing.T, tag string) (clone, origin *repository) {
	t.Helper()
	origin = newRepository(t)
	origin.commit("VERSION", "1")
	origin.git("tag", tag)
	origin.commit("VERSION", "2")
	origin.commit("VERSION", "3")
	clone = &repository{t: t, dir: filepath.Join(t.TempDir(), "clone")}
	origin.git("clone", "-q", "--depth", "1", "file://"+origin.dir, clone.dir)
	return clone, origin
}

// state is what must not change in a folder that is somebody's.
func (r *repository) state() string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, ".git", "shallow"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text) + r.git("show-ref") + r.git("count-objects", "-v")
}

func TestAShallowCloneIsUpgradedFromWhatItsOriginKnows(t *testing.T) {
	for name, change := range map[string]func(clone *repository){
		"as cloned":                        func(*repository) {},
		"with the tag and not the way":     func(c *repository) { c.git("fetch", "-q", "--depth", "1", "origin", "tag", "release/1.0.0") },
		"with a commit that nobody has":    func(c *repository) { c.commit("VERSION", "4") },
		"with a tag that says nothing yet": func(c *repository) { c.git("tag", "nightly") },
	} {
		for _, workTree := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				clone, origin := shallowClone(t, "release/1.0.0")
				change(clone)
				before := clone.state()
				s := &Source{Mirrors: t.TempDir()}
				f, err := s.Fetch(t.Context(), Code{URL: clone.dir, WorkTree: workTree}, "", t.TempDir())
				if err != nil || f.Previous == nil || f.Unknown || f.Previous.Name != "release/1.0.0" || f.Previous.Commit != origin.git("rev-parse", "release/1.0.0") {
					t.Fatalf("%v %+v", err, f)
				}
				if got := files(t, f.Previous.Dir)["VERSION"]; got != "-rw-r--r-- 1" {
					t.Errorf("the release holds %q", got)
				}
				if _, err := s.Fetch(t.Context(), Code{URL: clone.dir}, "release/1.0.0", t.TempDir()); err != nil {
					t.Error("from the tag:", err)
				}
				if after := clone.state(); after != before {
					t.Errorf("the folder was changed:\n%s\n%s", before, after)
				}
			})
		}
	}
}

func TestAShallowCloneThatCannotBeDeepened(t *testing.T) {
	for name, c := range map[string]struct {
		change func(clone, origin *repository)
		says   string
	}{
		"no origin":       {func(clone, _ *repository) { clone.git("remote", "remove", "origin") }, "no origin to fetch more from"},
		"over ssh":        {func(clone, _ *repository) { clone.git("remote", "set-url", "origin", "git@example.org:a/b.git") }, "not an address that git could fetch"},
		"origin is gone":  {func(_, origin *repository) { _ = os.Rename(origin.dir, origin.dir+".gone") }, "cannot fetch"},
		"another history": {func(clone, _ *repository) { clone.git("remote", "set-url", "origin", newHistory(clone.t).dir) }, "does not have what it was made from"},
	} {
		t.Run(name, func(t *testing.T) {
			clone, origin := shallowClone(t, "1.0.0")
			c.change(clone, origin)
			clone.commit("VERSION", "4")
			f, err := (&Source{Mirrors: t.TempDir()}).Fetch(t.Context(), Code{URL: clone.dir}, "", t.TempDir())
			if err != nil || f.Previous != nil || !f.Unknown || !strings.Contains(f.NoPrevious, "git fetch --unshallow --tags") || !strings.Contains(f.NoPrevious, c.says) {
				t.Errorf("%v %+v", err, f)
			}
			if _, err := (&Source{Mirrors: t.TempDir()}).Latest(t.Context(), Code{URL: clone.dir}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "--unshallow") {
				t.Errorf("as what another depends on: %v", err)
			}
			clone.git("tag", "1.1.0")
			f, err = (&Source{Mirrors: t.TempDir()}).Fetch(t.Context(), Code{URL: clone.dir}, "", t.TempDir())
			if err != nil || f.Unknown || f.Previous == nil || f.Previous.Name != "1.1.0" {
				t.Errorf("with a release that can be seen: %v %+v", err, f)
			}
		})
	}
}
