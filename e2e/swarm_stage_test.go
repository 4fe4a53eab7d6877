package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/result"
	"seatrial/recipes/examples"
)

// examineOn runs a recipe's pull request as a packager would, on an engine, and returns
// what the run came to. Nothing of it may be listed by the docker program afterwards.
func examineOn(t *testing.T, e *swarmtest.Engine, name string, enrolment []byte, write func(dir string) error, more ...string) result.Result {
	t.Helper()
	dir := t.TempDir()
	source, out, tests := filepath.Join(dir, name), filepath.Join(dir, "out"), filepath.Join(dir, "tests")
	if err := write(source); err != nil {
		t.Fatal(err)
	}
	if err := examples.WriteEnrolmentText(name, "harbour/"+name, tests, enrolment); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"--state", filepath.Join(dir, "state"), "run", source, "--commit", examples.PullBranch, "--enrolment", filepath.Join(tests, name),
		"--out", out, "--docker", e.Host,
	}, more...)
	said, err := exec.CommandContext(t.Context(), binary(t, ""), args...).CombinedOutput()
	text, readErr := os.ReadFile(filepath.Join(out, result.JSONFile))
	if readErr != nil {
		t.Fatalf("no result: %v\n%s", err, said)
	}
	var got result.Result
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Report.Leftovers) > 0 || !got.Report.TornDown {
		t.Errorf("left over: %v", got.Report.Leftovers)
	}
	label := got.Report.Request.ID.Label(got.Report.Request.Recipe)
	if left := inEngine(t, e, label); len(left) > 0 {
		t.Errorf("the docker program still lists\n%s", strings.Join(left, "\n"))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "state", "*", "*")); len(left) > 0 {
		for _, path := range left {
			if kept := filepath.Base(filepath.Dir(path)); kept != "mirrors" && kept != "boots" {
				t.Errorf("left over: %s", path)
			}
		}
	}
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(out, "log.txt"))
		t.Logf("%s\n%s", told(got.Report), log[max(0, len(log)-8<<10):])
	}
	return got
}

// inEngine lists, with the docker program, what bears one of the words.
func inEngine(t *testing.T, e *swarmtest.Engine, words ...string) []string {
	t.Helper()
	all, err := e.Inventory(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return bearing(all, words)
}

func bearing(lines, words []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) })
	})
}

// leftInDocker lists, with the docker program, what is left of the story's runs.
func (s *stage) leftInDocker() ([]string, error) {
	if s.docker == nil {
		return nil, nil
	}
	reports, err := s.reports()
	if err != nil {
		return nil, err
	}
	var words []string
	for _, r := range reports {
		words = append(words, r.Request.ID.Label(r.Request.Recipe))
	}
	all, err := s.docker.Inventory(context.Background())
	return bearing(all, words), err
}
