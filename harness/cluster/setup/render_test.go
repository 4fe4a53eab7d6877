package setup

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/cluster"
	"seatrial/recipes"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// enrolled is a recipe that asks for everything, one that asks for nothing, and one
// whose builder is the operator's.
func enrolled() []recipes.Enrolment {
	return []recipes.Enrolment{
		{Name: "wiki", Repo: "harbour/wiki", Needs: []string{"large", "browser"}, Image: "registry.example.org/runner@sha256:abc", Resources: recipes.Resources{Memory: 3 << 30, CPUs: 4}},
		{Name: "guestbook", Repo: "harbour/guestbook"},
		{Name: "cache", Repo: "harbour/cache", Builder: "nixcache"},
	}
}

func TestRender(t *testing.T) {
	for name, o := range map[string]Options{
		"usual": {Recipes: enrolled(), Measured: map[string]Resources{"guestbook": {CPU: 340, MemoryMB: 400}}},
		"other": {Namespaces: cluster.NamespacesFor("trial"), Binary: "/opt/sea trial/bin", State: `/srv/"quoted"/%{x`, Driver: DriverDocker, Image: "runner:1", NodePool: "ci", JanitorEvery: time.Hour, LostAfter: 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := Render(o)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join("testdata", name)
			if *update {
				os.RemoveAll(dir)
			}
			for _, f := range files {
				golden := filepath.Join(dir, f.Name)
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, []byte(f.HCL), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), f.HCL); diff != "" {
					t.Errorf("%s is another one (-update writes it):\n%s", f.Name, diff)
				}
				if !strings.HasPrefix(f.Name, "namespaces/") && edited(f.HCL) {
					t.Errorf("%s does not match its own fingerprint", f.Name)
				}
			}
			kept, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
			if len(kept) != len(files) {
				t.Errorf("%d files for %d definitions", len(kept), len(files))
			}
		})
	}
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Binary: "seatrial"}, "the whole path"},
		{Options{State: "/x/${meta.y}"}, "the whole path"},
		{Options{Driver: "exec"}, "choose raw_exec or docker"},
		{Options{Driver: DriverDocker}, "needs an image"},
		{Options{NodePool: "a b"}, "node pool"},
		{Options{JanitorEvery: 7 * time.Minute}, "divide an hour"},
		{Options{LostAfter: time.Second}, "at least 10s"},
		{Options{Namespaces: cluster.Namespaces{Runs: "ci", Apps: "ci"}}, "cannot share"},
		{Options{Namespaces: cluster.Namespaces{Runs: `ci" {`, Apps: "apps"}}, "not a name for a namespace"},
		{Options{Recipes: []recipes.Enrolment{{Name: `x" {}`}}}, "small letters"},
		{Options{Recipes: []recipes.Enrolment{{Name: "x", Needs: []string{"${env.HOME}"}}}}, "Nomad would replace"},
		{Options{Recipes: []recipes.Enrolment{{Name: "x", Image: "{{ env }}"}}}, "Nomad would replace"},
	} {
		if _, err := Render(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.o, err, c.want)
		}
	}
}

func TestAffinitiesAreNested(t *testing.T) {
	best := map[string]int{}
	for _, repo := range []string{"harbour/guestbook", "harbour/wiki", "harbour/cache", "a/b", "c/d", "e/f"} {
		patterns := affinities(repo)
		if diff := cmp.Diff(patterns, affinities(strings.ToUpper(repo))); diff != "" {
			t.Errorf("%s and its capital letters differ: %s", repo, diff)
		}
		wider := regexp.MustCompile("^[0-9a-f]")
		for i, pattern := range patterns {
			p, matched := regexp.MustCompile(pattern), 0
			for _, digit := range digits {
				id := string(digit) + "2345678-0000-0000-0000-000000000000"
				if !p.MatchString(id) {
					continue
				}
				matched++
				if !wider.MatchString(id) {
					t.Errorf("%s: %s is not within %s", repo, p, wider)
				}
			}
			if want := 8 >> i; matched != want {
				t.Errorf("%s: %s matches %d digits, not %d", repo, p, matched, want)
			}
			wider = p
		}
		best[patterns[3]]++
	}
	if len(best) < 3 {
		t.Errorf("six repositories like %d digits", len(best))
	}
}

func TestOnlyWhatMattersChangesAFingerprint(t *testing.T) {
	const text = "# seatrial_definition = \"x\"\na = 1\nb {\n}\n"
	for other, same := range map[string]bool{
		"# why\n\n  a = 1\nb {\n}":                              true,
		"seatrial_definition = \"y\"\na = 1\nb {\n}\n":          true,
		"a = 2\nb {\n}\n":                                       false,
		"a = 1\nb {\n}\n# c\nc = 1\n":                           false,
		"a = 1\nb {\n} x = \"seatrial_definition = \\\"1\\\"\"": false,
	} {
		if (fingerprint(text) == fingerprint(other)) != same {
			t.Errorf("%q: same is not %v", other, same)
		}
	}
}
