package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// history is a repository with two releases and a pull request between them:
//
//	1.0.0 ── 1.1.0 ── (main)
//	   └── head of pull request 7, whose author tagged it 9.9.9 in the fork
type history struct {
	*repository
	first, second, head string
}

func newHistory(t *testing.T) history {
	r := newRepository(t)
	h := history{repository: r, first: r.commit("VERSION", "1.0.0")}
	r.git("tag", "1.0.0")
	r.git("checkout", "-q", "-b", "work")
	h.head = r.commit("feature", "new")
	r.git("update-ref", "refs/pull/7/head", h.head)
	r.git("checkout", "-q", "main")
	r.git("branch", "-q", "-D", "work")
	h.second = r.commit("VERSION", "1.1.0")
	r.git("tag", "-a", "-m", "x", "1.1.0")
	return h
}

func TestFetchAPullRequest(t *testing.T) {
	h := newHistory(t)
	s := &Source{Mirrors: t.TempDir()}
	code := Code{URL: h.serve(), Ref: "refs/pull/7/head", Commit: h.head, Base: "main"}
	into := t.TempDir()
	f, err := s.Fetch(t.Context(), code, "", into)
	if err != nil {
		t.Fatal(err)
	}
	want := Fetched{
		Head:     Release{Name: "head", Commit: h.head, Tree: h.git("rev-parse", h.head+"^{tree}"), Dir: filepath.Join(into, "head")},
		Previous: &Release{Name: "1.0.0", Commit: h.first, Tree: h.git("rev-parse", h.first+"^{tree}"), Dir: filepath.Join(into, "previous")},
		Base:     h.first, Subject: "Change feature",
		Tags: Tags{Versions: []Version{{Tag: "1.1.0", Semver: "v1.1.0", Commit: h.second}, {Tag: "1.0.0", Semver: "v1.0.0", Commit: h.first}}},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"VERSION": "-rw-r--r-- 1.0.0", "feature": "-rw-r--r-- new"}, files(t, f.Head.Dir)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"VERSION": "-rw-r--r-- 1.0.0"}, files(t, f.Previous.Dir)); diff != "" {
		t.Error(diff)
	}

	t.Run("from a tag", func(t *testing.T) {
		f, err := s.Fetch(t.Context(), code, "1.1.0", t.TempDir())
		if err != nil || f.Previous.Commit != h.second {
			t.Errorf("%v %+v", err, f.Previous)
		}
		_, err = s.Fetch(t.Context(), code, "--help", t.TempDir())
		if err == nil || !strings.Contains(err.Error(), `there is no such tag; published are: 1.1.0, 1.0.0`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a tag that was withdrawn is gone", func(t *testing.T) {
		h.git("tag", "-d", "1.0.0")
		defer h.git("tag", "1.0.0", h.first)
		f, err := s.Fetch(t.Context(), code, "", t.TempDir())
		if err != nil || f.Previous != nil || len(f.Tags.Versions) != 1 {
			t.Errorf("%v %+v", err, f)
		}
	})
	t.Run("after a forced push what was asked for is tested", func(t *testing.T) {
		h.git("update-ref", "refs/pull/7/head", h.second)
		f, err := s.Fetch(t.Context(), code, "", t.TempDir())
		if err != nil || f.Head.Commit != h.head {
			t.Errorf("%v %+v", err, f.Head)
		}
	})
	t.Run("a commit that never arrived", func(t *testing.T) {
		gone := code
		gone.Commit = strings.Repeat("ab", 20)
		_, err := s.Fetch(t.Context(), gone, "", t.TempDir())
		if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "refs/pull/7/head is at "+h.second) || !strings.Contains(err.Error(), "ask again") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a base that is gone or shares nothing", func(t *testing.T) {
		other := code
		other.Base = "gone"
		f, err := s.Fetch(t.Context(), other, "", t.TempDir())
		if err != nil || f.Base != h.head {
			t.Errorf("%v %+v", err, f)
		}
		h.git("checkout", "-q", "--orphan", "island")
		h.git("commit", "-q", "-m", "Alone")
		island := h.git("rev-parse", "HEAD")
		h.git("checkout", "-q", "-f", "main")
		alone := code
		alone.Ref, alone.Commit = "refs/heads/island", island
		f, err = s.Fetch(t.Context(), alone, "", t.TempDir())
		if err != nil || f.Previous == nil || f.Previous.Name != "1.1.0" {
			t.Errorf("%v %+v", err, f)
		}
	})
}

func TestFetchSaysWhatToDo(t *testing.T) {
	h := newHistory(t)
	address := h.serve()
	s := &Source{Mirrors: t.TempDir(), Git: Git{Limit: 20 * time.Second}}
	for _, tt := range []struct {
		name string
		code Code
		want string
	}{
		{"no such pull request", Code{URL: address, Ref: "refs/pull/8/head", Commit: h.head}, "check that it is open"},
		{"no such repository", Code{URL: strings.Replace(address, "/repo/", "/nothing/", 1), Commit: h.head}, "check repo in the enrolment"},
		{"nobody listens", Code{URL: "http://127.0.0.1:1/x", Commit: h.head}, "check that the forge is up"},
		{"a short hash", Code{URL: address, Commit: h.head[:10]}, "full hash"},
		{"another protocol", Code{URL: "ssh://127.0.0.1/x", Commit: h.head}, "http and https are"},
		{"a helper", Code{URL: "ext::sh -c touch% /tmp/x", Commit: h.head}, "no such file"},
		{"an option", Code{URL: "--upload-pack=touch x", Commit: h.head}, "not an address"},
		{"a strange reference", Code{URL: address, Ref: "refs/pull/7/head:refs/tags/9.9.9", Commit: h.head}, "not a reference"},
		{"an option for a reference", Code{URL: address, Ref: "--upload-pack=x", Commit: h.head}, "not a full reference"},
		{"a folder without a repository", Code{URL: t.TempDir()}, "commit its files first"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Fetch(t.Context(), tt.code, "", t.TempDir())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAPasswordInAnAddressIsNotShown(t *testing.T) {
	g := &Git{Limit: 10 * time.Second}
	_, err := g.Mirror(t.Context(), "http://user:hunter2hunter2@127.0.0.1:1/x", t.TempDir())
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestMirrorsTakeTurns(t *testing.T) {
	h := newHistory(t)
	s := &Source{Mirrors: t.TempDir()}
	code := Code{URL: h.serve(), Ref: "refs/pull/7/head", Commit: h.head, Base: "main"}
	var all sync.WaitGroup
	for range 4 {
		into := t.TempDir()
		all.Go(func() {
			if f, err := s.Fetch(t.Context(), code, "", into); err != nil || f.Previous == nil {
				t.Errorf("%v %+v", err, f)
			}
		})
	}
	all.Wait()
}

func TestMirrorGivesUpWaiting(t *testing.T) {
	root := t.TempDir()
	unlock, err := lock(t.Context(), filepath.Join(root, mirrorName("http://127.0.0.1:1/x"))+".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = (&Git{}).Mirror(ctx, "http://127.0.0.1:1/x", root)
	if err == nil || !strings.Contains(err.Error(), "another run's fetch") {
		t.Errorf("got %v", err)
	}
}

func TestMirrorHealsWhatACrashLeft(t *testing.T) {
	h := newHistory(t)
	address := h.serve()
	root := t.TempDir()
	dir := filepath.Join(root, mirrorName(address))
	g := &Git{}
	fetch := func() error { _, err := g.Mirror(t.Context(), address, root); return err }
	if err := fetch(); err != nil {
		t.Fatal(err)
	}
	damage := map[string]func() error{
		"a lock":             func() error { return os.WriteFile(filepath.Join(dir, "packed-refs.lock"), nil, 0o600) },
		"a half-made mirror": func() error { return os.Remove(filepath.Join(dir, "HEAD")) },
		"a pack cut short": func() error {
			packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
			if err != nil || len(packs) == 0 {
				return errors.New("no packs")
			}
			return errors.Join(os.Chmod(packs[0], 0o600), os.Truncate(packs[0], 20))
		},
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			if err := harm(); err != nil {
				t.Fatal(err)
			}
			h.commit("VERSION", name)
			if err := fetch(); err != nil {
				t.Fatal(err)
			}
			r := &Repo{git: g, dir: dir}
			if _, err := r.ask(t.Context(), "fsck", "--connectivity-only"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMirrorIsBounded(t *testing.T) {
	h := newHistory(t)
	g := &Git{MaxBytes: 1}
	_, err := g.Mirror(t.Context(), h.serve(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "more than is fetched") {
		t.Errorf("got %v", err)
	}
}

func TestHooksAndFiltersNeverRun(t *testing.T) {
	h := newHistory(t)
	marker := filepath.Join(t.TempDir(), "ran")
	hook := "#!/bin/sh\ntouch " + marker + "\n"
	for _, name := range []string{"post-checkout", "pre-commit", "reference-transaction", "fsmonitor", "post-index-change"} {
		h.write(".git/hooks/"+name, hook)
		if err := os.Chmod(filepath.Join(h.dir, ".git/hooks", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.git("config", "core.fsmonitor", filepath.Join(h.dir, ".git/hooks/fsmonitor"))
	h.git("config", "filter.evil.clean", "touch "+marker)
	h.git("config", "filter.evil.smudge", "touch "+marker)
	h.write(".gitattributes", "* filter=evil\n")
	s := &Source{Mirrors: t.TempDir()}
	for _, code := range []Code{{URL: h.dir}, {URL: h.dir, WorkTree: true}} {
		if _, err := s.Fetch(t.Context(), code, "", t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("something of the repository's ran")
	}
}

func TestFetchAFolder(t *testing.T) {
	h := newHistory(t)
	s := &Source{}
	for commit, want := range map[string]string{"": h.second, "1.0.0": h.first, "refs/pull/7/head": h.head, h.head[:9]: h.head} {
		f, err := s.Fetch(t.Context(), Code{URL: h.dir, Commit: commit}, "", t.TempDir())
		if err != nil || f.Head.Commit != want {
			t.Errorf("%q: %v %+v", commit, err, f.Head)
		}
	}
}

func TestFetchAWorkTree(t *testing.T) {
	h := newHistory(t)
	clean, err := (&Source{}).Fetch(t.Context(), Code{URL: h.dir, WorkTree: true}, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if tree := h.git("rev-parse", "HEAD^{tree}"); clean.Head.Tree != tree {
		t.Errorf("an unchanged work tree has the tree %s, its commit has %s", clean.Head.Tree, tree)
	}
	h.write("VERSION", "changed\r\n")
	h.write("added", "not committed")
	h.write("ignored", "x")
	h.write(".gitignore", "ignored\n")
	h.write(".gitattributes", "* text=auto eol=lf\n")
	h.commit("gone", "x")
	h.write("late", "x")
	if err := errors.Join(os.Remove(filepath.Join(h.dir, "gone")), os.Symlink("/etc", filepath.Join(h.dir, "link")), os.Chmod(filepath.Join(h.dir, "late"), 0o755)); err != nil {
		t.Fatal(err)
	}
	h.write("nested/.git/config", "[core]\n")
	f, err := (&Source{}).Fetch(t.Context(), Code{URL: h.dir, WorkTree: true}, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"VERSION": "-rw-r--r-- changed\r\n", "added": "-rw-r--r-- not committed", ".gitignore": "-rw-r--r-- ignored\n",
		".gitattributes": "-rw-r--r-- * text=auto eol=lf\n", "late": "-rwxr-xr-x x", "link": "-> /etc",
	}
	if diff := cmp.Diff(want, files(t, f.Head.Dir), cmpopts.IgnoreMapEntries(func(k, _ string) bool { return strings.HasSuffix(k, "/") })); diff != "" {
		t.Error(diff)
	}
	if f.Head.Commit != "" || f.Head.Tree == clean.Head.Tree || f.Previous == nil || f.Previous.Name != "1.1.0" {
		t.Errorf("got %+v", f)
	}
}

func TestFetchAFolderThatIsNoRepository(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Procfile"), []byte("web: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := (&Source{}).Fetch(t.Context(), Code{URL: dir, WorkTree: true}, "", t.TempDir())
	if err != nil || f.Previous != nil || !fullHash.MatchString(f.Head.Tree) {
		t.Errorf("%v %+v", err, f)
	}
	if _, err := (&Source{}).Fetch(t.Context(), Code{URL: dir, WorkTree: true}, "1.0.0", t.TempDir()); err == nil {
		t.Error("it was upgraded from a tag that cannot be there")
	}
}

func TestWhatWasPassedOverIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		glob, why string
		tags      []string
	}{
		"no tag":     {"", "", nil},
		"no version": {"", "there is no version in what was published: latest, nightly", []string{"nightly", "latest"}},
		"left out":   {"v*", `versions.tags "v*" leaves out every tag: 1.0.0`, []string{"1.0.0"}},
		"elsewhere":  {"", "the head descends from none of the published versions: 1.0.0", []string{"1.0.0", "nightly"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			r.commit("a", "1")
			head := r.git("rev-parse", "HEAD")
			r.commit("a", "2")
			for _, tag := range c.tags {
				r.git("tag", tag)
			}
			f, err := (&Source{Tags: c.glob}).Fetch(t.Context(), Code{URL: r.dir, Commit: head}, "", t.TempDir())
			if err != nil || f.Previous != nil || f.NoPrevious != c.why || f.Unknown {
				t.Errorf("%v %+v, want %q", err, f, c.why)
			}
		})
	}
}

func TestReleasesThatAreNotQuiteVersions(t *testing.T) {
	for _, tag := range []string{"release/1.0.0", "1.0", "2024.11.02", "app/v2024.01"} {
		r := newRepository(t)
		r.commit("a", "1")
		r.git("tag", tag)
		r.commit("a", "2")
		f, err := (&Source{}).Fetch(t.Context(), Code{URL: r.dir}, "", t.TempDir())
		if err != nil || f.Previous == nil || f.Previous.Name != tag {
			t.Errorf("%s: %v %+v", tag, err, f)
		}
	}
}
