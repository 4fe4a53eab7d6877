package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"seatrial/harness"
	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// A head is compared with the release before it, and a program is not asked what is
// for recipes of a swarm.
func TestLintReadsTheReleaseBeforeTheHead(t *testing.T) {
	dir := t.TempDir()
	compose := `services:
  app:
    image: wiki:1
    configs: [conf]
configs:
  conf:
    name: ${STACK_NAME}_conf_v1
    file: conf
`
	for name, text := range map[string]string{
		"head/compose.yml": compose, "head/conf": "new\n", "before/compose.yml": compose, "before/conf": "old\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := harness.Bench{
		Enrolment: recipes.Defaults(recipes.Enrolment{Target: "swarm"}),
		Fetched: harness.Fetched{
			Head:     app.Release{Name: "head", Dir: filepath.Join(dir, "head")},
			Previous: &app.Release{Name: "1.0.0+1", Dir: filepath.Join(dir, "before")},
			Versions: []string{"1.0.0+1"},
		},
	}
	said := func(id string) bool {
		findings, err := tools(b).Lint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(findings, func(f run.Finding) bool { return f.ID == id })
	}
	if !said("config-changed-version-not") || said("procfile-missing") {
		t.Error("the changed config is not found, or a Procfile is asked for")
	}
	b.Fetched.Previous = nil
	if said("config-changed-version-not") {
		t.Error("a config is compared with nothing")
	}
	b.Enrolment.Target = "process"
	if said("no-healthcheck") || !said("procfile-missing") {
		t.Error("a program is linted as a recipe of a swarm")
	}
}
