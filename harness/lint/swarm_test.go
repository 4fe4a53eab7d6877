package lint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// mark stands at the end of the line of a fixture at which a finding is expected.
const mark = "# <--"

// swarmCase is a recipe in a folder, as a fixture describes it.
type swarmCase struct {
	name   string
	in     Input
	places []string // where the rule must find something, and nothing else
}

// swarmCases are those of one file. A file's name begins with the case's: "trips" or
// "quiet" and some words. In it, previous/ is the published release, and input says what
// is known besides.
func swarmCases(t *testing.T, name string) []swarmCase {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "swarm", name))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]map[string]string{}
	for _, f := range archive.Files {
		which, file, ok := strings.Cut(f.Name, "/")
		if !ok || !strings.HasPrefix(which, "trips") && !strings.HasPrefix(which, "quiet") {
			t.Fatalf("%s: %s lies in no case", name, f.Name)
		}
		if files[which] == nil {
			files[which] = map[string]string{}
		}
		files[which][file] = string(f.Data)
	}
	var cases []swarmCase
	for which, texts := range files {
		cases = append(cases, readCase(t, which, texts))
	}
	slices.SortFunc(cases, func(a, b swarmCase) int { return strings.Compare(a.name, b.name) })
	return cases
}

func readCase(t *testing.T, name string, texts map[string]string) swarmCase {
	t.Helper()
	c := swarmCase{name: name, in: Input{Enrolment: recipes.Defaults(recipes.Enrolment{Target: targetSwarm})}}
	for line := range strings.Lines(texts["input"]) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "boot":
			boot, err := time.ParseDuration(value)
			if err != nil {
				t.Fatal(err)
			}
			c.in.Boot = boot
		case "version":
			c.in.Version = value
		case "versions":
			c.in.Versions = strings.Fields(value)
		case "at":
			c.places = append(c.places, strings.Trim(value, "-"))
		default:
			t.Fatalf("%s: no such input: %s", name, key)
		}
	}
	delete(texts, "input")
	dir := t.TempDir()
	for file, text := range texts {
		n := 0
		for line := range strings.Lines(text) {
			if n++; strings.HasSuffix(strings.TrimSpace(line), mark) {
				c.places = append(c.places, fmt.Sprintf("%s:%d", file, n))
			}
		}
		path := filepath.Join(dir, "head", file)
		if before, ok := strings.CutPrefix(file, "previous/"); ok {
			path = filepath.Join(dir, "previous", before)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.in.FS = os.DirFS(filepath.Join(dir, "head"))
	c.in.Recipe, c.in.Problems = readSwarm(t, filepath.Join(dir, "head"))
	if previous := filepath.Join(dir, "previous"); texts["previous/compose.yml"] != "" {
		c.in.PreviousFS = os.DirFS(previous)
		if c.in.Previous, _ = readSwarm(t, previous); c.in.Previous == nil {
			t.Fatalf("%s: the previous release cannot be read", name)
		}
	}
	return c
}

func readSwarm(t *testing.T, dir string) (*compose.Recipe, compose.Problems) {
	t.Helper()
	recipe, err := compose.Read(t.Context(), dir, Deployment(nil))
	var problems compose.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	return recipe, problems
}

func (c swarmCase) found(id string) (places []string, findings []run.Finding) {
	for _, f := range Check(c.in) {
		if f.ID != id {
			continue
		}
		findings = append(findings, f)
		place := f.File
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, f.Line)
		}
		places = append(places, place)
	}
	return places, findings
}

func TestEachRuleAboutSwarm(t *testing.T) {
	ids := []string{"secret-in-plain-env", "no-release-note"} // and those of every recipe that read one of these differently
	for _, rule := range swarmRules() {
		ids = append(ids, rule.id)
	}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			trips, quiet := 0, 0
			for _, c := range swarmCases(t, id+".txtar") {
				places, findings := c.found(id)
				if strings.HasPrefix(c.name, "quiet") {
					quiet++
				} else if trips++; len(c.places) == 0 {
					t.Errorf("%s: the fixture does not say where", c.name)
				}
				if !slices.Equal(places, c.places) {
					t.Errorf("%s: found at %q, want %q: %+v", c.name, places, c.places, findings)
				}
				if c.in.Recipe == nil && id != "compose-invalid" {
					t.Errorf("%s: the fixture is no recipe: %v", c.name, c.in.Problems)
				}
				for _, f := range findings {
					if strings.Contains(f.Text, "example_org") || strings.Contains(f.Text, "%!") {
						t.Errorf("%s: the text shows what only lint knows: %s", c.name, f.Text)
					}
				}
			}
			if trips == 0 || quiet == 0 {
				t.Errorf("%d fixtures trip it, and %d do not", trips, quiet)
			}
		})
	}
}

func TestThereIsNothingToSayAboutAGoodSwarmRecipe(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "swarm", "good.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range archive.Files {
		texts[f.Name] = string(f.Data)
	}
	c := readCase(t, "good", texts)
	c.in.Enrolment = good().Enrolment
	c.in.Enrolment.Target = targetSwarm
	c.in.Versions = []string{"1.3.0+2.5.1"}
	c.in.Boot = 40 * time.Second
	if findings := Check(c.in); len(findings) > 0 {
		t.Errorf("found %+v", findings)
	}
}

// A Procfile means nothing to swarm, and compose files nothing to a program.
func TestRulesAreForATarget(t *testing.T) {
	for target, without := range map[string][]rule{"": swarmRules(), "process": swarmRules(), "nomad": swarmRules(), targetSwarm: programRules()} {
		for _, r := range rulesFor(target) {
			if slices.ContainsFunc(without, func(w rule) bool { return w.id == r.id }) {
				t.Errorf("%s is asked for the target %q", r.id, target)
			}
		}
	}
}

func TestWhatIsSaidOfACredentialDoesNotRepeatIt(t *testing.T) {
	const credential = "k3j9d8f7s6a5q1w2e3r4t5"
	c := readCase(t, "a credential", map[string]string{
		".env.sample": "ADMIN_TOKEN=" + credential + "\n",
		"compose.yml": "services:\n  app:\n    image: wiki:1\n    environment:\n      DB_PASSWORD: " + credential + "\n",
	})
	places, findings := c.found("secret-in-plain-env")
	if text := fmt.Sprint(Check(c.in)); strings.Contains(text, credential) || len(places) != 2 {
		t.Errorf("found %+v, and the credential is in %s", findings, text)
	}
}

func TestNothingInAComposeFileMakesLintPanic(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"nested":    strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"laughs":    "a: &a [x]\nb: &b [*a, *a]\nversion: *b\n",
		"circle":    "services: &s\n  app: *s\n",
		"documents": "services: {}\n---\nservices: {}\n",
		"numbers":   "1: 2\nservices:\n  3:\n    healthcheck: {interval: $X}\n  ? [a]\n  : b\n",
		"hostile":   "services:\n  \"a\\e[2Jb\":\n    stop_grace_period: \"${X:-\\e[2J}\"\n",
		"empty":     "",
		"NUL":       "services:\x00",
		"large":     "services:\n" + strings.Repeat("  # long\n", 20_000),
	} {
		if err := os.WriteFile(filepath.Join(dir, "compose.yml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		in := Input{FS: os.DirFS(dir), Enrolment: recipes.Defaults(recipes.Enrolment{Target: targetSwarm})}
		in.Recipe, in.Problems = readSwarm(t, dir)
		findings := Check(in)
		if !slices.ContainsFunc(findings, func(f run.Finding) bool { return f.ID == "compose-invalid" && f.File == "compose.yml" }) {
			t.Errorf("%s: not refused: %+v", name, findings)
		}
		if all := fmt.Sprintf("%+v", findings); strings.ContainsAny(all, "\n\x1b\x00") {
			t.Errorf("%s: shown as it is: %q", name, all)
		}
	}
}
