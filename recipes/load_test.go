package recipes

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files")

// unpack writes an archive's files into a fresh folder.
func unpack(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each archive in testdata is a tests folder; its file "want" is what Load makes of
// it.
func TestLoadSaysWhatIsWrongAndWhere(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no archives", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i >= 0 {
				want = string(a.Files[i].Data)
				a.Files = slices.Delete(a.Files, i, i+1)
			}
			dir := unpack(t, a)
			book, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, e := range book.Enrolments {
				fmt.Fprintf(&got, "good: %s\n", e.Name)
			}
			for _, p := range book.Problems {
				fmt.Fprintln(&got, strings.ReplaceAll(p.String(), dir, "tests"))
			}
			if *update {
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got.String())})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVersionAndRepoAloneAreEnough(t *testing.T) {
	e, problems, err := Parse("tests/blog/recipe.yaml", []byte("version: 1\nrepo: acme/blog\n"))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	want := Enrolment{
		Name: "blog", File: "tests/blog/recipe.yaml", Version: 1, Repo: "acme/blog", Target: "process",
		Versions:  Versions{Tags: "**"},
		Build:     Build{Timeout: Duration(10 * time.Minute)},
		Health:    Health{Path: "/", Timeout: Duration(2 * time.Minute), Steady: Duration(12 * time.Second)},
		Timeouts:  Timeouts{Limit: Duration(time.Hour), Silence: Duration(20 * time.Minute), Stop: Duration(10 * time.Second), Hook: Duration(5 * time.Minute)},
		Volumes:   []string{"data"},
		Resources: Resources{Memory: 1 << 30, Processes: 512, CPUs: 2},
		Forks:     Allow, Drafts: Allow,
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
	if e.Limit() != time.Hour {
		t.Errorf("the limit is %s", e.Limit())
	}
}

func TestYAMLAndJSONSayTheSame(t *testing.T) {
	yaml := `
version: 1
repo: acme/blog
build: {command: [go, build, "-o", blog, .], timeout: 90s}
resources: {memory: 512MiB, cpus: 0.5}
env: &env
  MOTTO: |
    two
    lines
upgrade_env:
  <<: *env
  MORE: "1"
checks:
  - request: {path: /, json: {a: [1, 2.5, null, true]}}
    expect: {json: {"$.n": 3}}
`
	json := `{"version": 1, "repo": "acme/blog",
"build": {"command": ["go", "build", "-o", "blog", "."], "timeout": "90s"},
"resources": {"memory": "512MiB", "cpus": 0.5},
"env": {"MOTTO": "two\nlines\n"}, "upgrade_env": {"MOTTO": "two\nlines\n", "MORE": "1"},
"checks": [{"request": {"path": "/", "json": {"a": [1, 2.5, null, true]}}, "expect": {"json": {"$.n": 3}}}]}`
	a, problems, err := Parse("x/recipe", []byte(yaml))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	b, problems, err := Parse("x/recipe", []byte(json))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	if a.Env["MOTTO"] != "two\nlines\n" || a.Resources.Memory != 512<<20 || len(a.Build.Command.Args) != 5 {
		t.Errorf("got %+v", a)
	}
}

func TestByRepoAndByName(t *testing.T) {
	b := &Book{Enrolments: []Enrolment{{Name: "a", Repo: "Acme/A"}, {Name: "b", Forge: "one", Repo: "acme/b"}}}
	tests := []struct {
		forge, repo, want string
	}{
		{"any", "acme/a", "a"}, {"one", "ACME/B", "b"}, {"two", "acme/b", ""}, {"one", "acme/c", ""},
	}
	for _, tt := range tests {
		if e, ok := b.ByRepo(tt.forge, tt.repo); e.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("ByRepo(%s, %s) = %q, %v", tt.forge, tt.repo, e.Name, ok)
		}
	}
	if _, ok := b.ByName("b"); !ok {
		t.Error("b is not found by its name")
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("no error")
	}
}

func TestNewIsAnEnrolment(t *testing.T) {
	text, err := New("acme/guest-book")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=../schema.json\n") {
		t.Errorf("editors find no schema:\n%s", text)
	}
	// With every comment taken away at its key, it is one still.
	for _, form := range []string{string(text), strings.NewReplacer("# build:", "build:", "#   command:", "  command:", "# health:", "health:", "#   path:", "  path:").Replace(string(text))} {
		e, problems, err := Parse("guest-book/recipe.yaml", []byte(form))
		if err != nil || len(problems) > 0 || e.Repo != "acme/guest-book" {
			t.Errorf("%v %v\n%s", err, problems, form)
		}
	}
	for _, bad := range []string{"", "acme", "acme/x\nenv: {}", "../..", `a/"b`} {
		if text, err := New(bad); err == nil {
			t.Errorf("New(%q) wrote\n%s", bad, text)
		}
	}
}

func TestNameFor(t *testing.T) {
	for repo, want := range map[string]string{"a/Guest_Book": "guest-book", "a/..": "recipe", "a/x.y": "x-y", "a/-x-": "x"} {
		if got := NameFor(repo); got != want || !folderName.MatchString(got) {
			t.Errorf("NameFor(%q) = %q, want %q", repo, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nrepo: a/b\nhealth: {path: /x, timeout: 3s}\n"))
	f.Add([]byte("a: &a [*a]\nb: {<<: *a}\n? x\n: |\n  y\n"))
	f.Add([]byte(`{"version": 1, "repo": "a/b", "checks": [{"exec": ["a"]}]}`))
	f.Add([]byte("version: 1\nrepo: a/b\nwho: {members: false, people: [ada, 42, \"42\"], require_approval: true, approvers: [team/owners, 7]}\nbranches: [main, \"release/*\"]\nforks: deny\n"))
	rules, err := compileSchema()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, problems := rules.parse("tests/x/recipe.yaml", text)
		e := p.enrolment
		if len(problems) == 0 && (e.Version != 1 || !strings.Contains(e.Repo, "/") || len(e.Volumes) == 0) {
			t.Errorf("no problem with %q, but it is not an enrolment: %+v", text, e)
		}
		// Who may ask comes back as it was from the form in which it travels to a cluster.
		var back Who
		if raw, err := json.Marshal(e.Who); err != nil || json.Unmarshal(raw, &back) != nil || !reflect.DeepEqual(e.Who, back) {
			t.Errorf("%+v comes back as %+v (%v)", e.Who, back, err)
		}
		for _, p := range problems {
			if p.Message == "" || strings.ContainsAny(p.Source, "\x1b\u202e\r") {
				t.Errorf("a bad problem: %+q", p)
			}
		}
	})
}
