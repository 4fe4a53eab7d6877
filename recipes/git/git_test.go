package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheckoutWritesWhatWasCommitted(t *testing.T) {
	r := newRepository(t)
	r.write(".gitattributes", "* text=auto eol=crlf\nsecret export-ignore\nid ident\nx filter=evil\n")
	r.write("secret", "kept\n")
	r.write("id", "$Id$\n")
	r.write("deep/er/file", "a\nb\n")
	r.write("run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(r.dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link")); err != nil {
		t.Fatal(err)
	}
	commit := r.commit("x", "plain\n")
	r.git("update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
	r.git("commit", "-q", "-m", "Add a submodule")
	commit = r.git("rev-parse", "HEAD")

	dir := filepath.Join(t.TempDir(), "out")
	if err := open(t, r).Checkout(t.Context(), commit, dir); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".gitattributes": "-rw-r--r-- * text=auto eol=crlf\nsecret export-ignore\nid ident\nx filter=evil\n",
		"secret":         "-rw-r--r-- kept\n", "id": "-rw-r--r-- $Id$\n", "x": "-rw-r--r-- plain\n",
		"deep/": "", "deep/er/": "", "deep/er/file": "-rw-r--r-- a\nb\n",
		"run.sh": "-rwxr-xr-x #!/bin/sh\n", "link": "-> /etc/passwd", "sub/": "",
	}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// A tree that git itself would refuse, in which a link and a folder share a name.
func TestCheckoutNeverLeavesTheFolder(t *testing.T) {
	outside := t.TempDir()
	for name, entries := range map[string]string{
		"through a link":        "120000 blob LINK\ta\n040000 tree TREE\ta\n",
		"git's own folder":      "040000 tree TREE\t.GIT\n",
		"the folder above":      "040000 tree TREE\t..\n",
		"this folder":           "040000 tree TREE\t.\n",
		"a name with a slash":   "100644 blob LINK\ta/../../b\n",
		"the same file twice":   "100644 blob LINK\ta\n100644 blob LINK\ta\n",
		"a link without an end": "120000 blob EMPTY\ta\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			r.write("blob", outside)
			link := r.git("hash-object", "-w", "blob")
			r.write("empty", "")
			empty := r.git("hash-object", "-w", "empty")
			r.write("entry", "100644 blob "+link+"\tescaped\n")
			tree := rawTree(t, r, "100644 blob "+link+"\tescaped\n")
			entries = strings.NewReplacer("LINK", link, "TREE", tree, "EMPTY", empty).Replace(entries)
			commit := r.git("commit-tree", "-m", "x", rawTree(t, r, entries))
			dir := filepath.Join(t.TempDir(), "out")
			err := open(t, r).Checkout(t.Context(), commit, dir)
			if err == nil {
				t.Errorf("it was checked out: %v", files(t, dir))
			}
			if left := files(t, outside); len(left) > 0 {
				t.Errorf("written outside: %v", left)
			}
		})
	}
}

// rawTree writes a tree object that git's own commands would not write.
func rawTree(t *testing.T, r *repository, entries string) string {
	t.Helper()
	var raw []byte
	for line := range strings.Lines(entries) {
		facts, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Fields(facts)
		raw = append(raw, strings.TrimPrefix(fields[0], "0")+" "+name+"\x00"...)
		hash := fields[2]
		for i := 0; i < len(hash); i += 2 {
			var b byte
			for _, c := range hash[i : i+2] {
				b = b<<4 | byte(strings.IndexRune("0123456789abcdef", c))
			}
			raw = append(raw, b)
		}
	}
	file := filepath.Join(t.TempDir(), "tree")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return r.git("hash-object", "-t", "tree", "-w", "--literally", file)
}

func TestCheckoutIsBounded(t *testing.T) {
	r := newRepository(t)
	commit := r.commit("big", strings.Repeat("x", 5000))
	repo := open(t, r)
	repo.git.MaxBytes = 4096
	err := repo.Checkout(t.Context(), commit, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "more than is checked out") {
		t.Errorf("got %v", err)
	}
}

func TestResolve(t *testing.T) {
	r := newRepository(t)
	first := r.commit("a", "1")
	second := r.commit("a", "2")
	r.git("tag", "v1.0.0", first)
	repo := open(t, r)
	for rev, want := range map[string]string{"HEAD": second, "HEAD~1": first, "main": second, "v1.0.0": first, first[:8]: first, second: second} {
		if got, err := repo.Resolve(t.Context(), rev); got != want || err != nil {
			t.Errorf("Resolve(%q) = %s, %v", rev, got, err)
		}
	}
	for _, rev := range []string{"nothing", "", "--help", "-n1", "a\nb", "$(touch x)"} {
		if got, err := repo.Resolve(t.Context(), rev); err == nil {
			t.Errorf("Resolve(%q) = %s", rev, got)
		}
	}
	if _, err := repo.Resolve(t.Context(), "nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestOpenTakesNoFolderInsideAnothersWorkTree(t *testing.T) {
	r := newRepository(t)
	r.commit("sub/a", "1")
	g := &Git{}
	if _, err := g.Open(t.Context(), filepath.Join(r.dir, "sub")); !errors.Is(err, ErrNoRepository) {
		t.Errorf("got %v", err)
	}
	if _, err := g.Open(t.Context(), filepath.Join(r.dir, ".git")); err != nil {
		t.Errorf("a git directory itself: %v", err)
	}
	if _, err := g.Open(t.Context(), filepath.Join(r.dir, "gone")); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

func TestSubjectIsOneLine(t *testing.T) {
	r := newRepository(t)
	r.commit("a", "1")
	r.write("message", "<b>bold</b> $(x)\n\nmore")
	r.git("commit", "-q", "--allow-empty", "-F", "message")
	got, err := open(t, r).Subject(t.Context(), r.git("rev-parse", "HEAD"))
	if err != nil || got != "<b>bold</b> $(x)" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestACallIsBoundedInTime(t *testing.T) {
	slow := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nsleep 60 & sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	g := &Git{Program: slow, Limit: 100 * time.Millisecond}
	began := time.Now()
	_, err := g.ask(context.Background(), "version")
	if err == nil || !strings.Contains(err.Error(), "gave up after 100ms") || time.Since(began) > 4*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestGitIsNotHere(t *testing.T) {
	g := &Git{Program: "git-of-another-name"}
	if _, err := g.ask(t.Context(), "version"); err == nil || !strings.Contains(err.Error(), "install it") {
		t.Errorf("got %v", err)
	}
}

func TestMessagesCannotSteerATerminal(t *testing.T) {
	got := said("remote: \x1b[31mred\u202e\nhint: use --force\nfatal: no\r\n")
	if got != "remote: [31mred; fatal: no" {
		t.Errorf("got %q", got)
	}
}
