package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/harness/app/process"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/recipes/examples"
	"seatrial/recipes/examples/mutants"
)

// TestMutants runs every guestbook with a planted defect, as a packager would and,
// where this machine can, isolated as a server would. None may pass at the highest level,
// and each must get its verdict for its own reason. The guestbook without a defect, and
// healthy ones that are odd, must: they are run the same way, as the control.
func TestMutants(t *testing.T) {
	t.Run("none: the guestbook itself", func(t *testing.T) {
		t.Parallel()
		enrolment, err := examples.Enrolment("guestbook")
		if err != nil {
			t.Fatal(err)
		}
		got := examine(t, enrolment, func(dir string) error { return examples.Write(t.Context(), "guestbook", dir) })
		if got.Verdict != run.VerdictPass || got.Level != run.MaxLevel {
			t.Fatalf("got %s at level %d\n%s", got.Verdict, got.Level, told(got.Report))
		}
	})
	for _, m := range mutants.All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			enrolment, err := m.Enrolment()
			if err != nil {
				t.Fatal(err)
			}
			got := examine(t, enrolment, func(dir string) error { return m.Write(t.Context(), dir) })
			holds(t, "process", m, got)
		})
	}
}

// holds says whether a run came to what a mutant must come to, and adds that to the table
// of make truth.
func holds(t *testing.T, deployer string, m mutants.Mutant, got result.Result) {
	t.Helper()
	stage := run.Stage(m.Stage)
	t.Logf("planted: %s\n%s", m.Plants, told(got.Report))
	if string(got.Verdict) != m.Verdict {
		t.Errorf("the verdict is %s, want %s", got.Verdict, m.Verdict)
	}
	if (got.Level == run.MaxLevel) != m.Healthy {
		t.Errorf("the level is %d", got.Level)
	}
	outcome := got.Report.Outcome(stage)
	if string(outcome) != m.Outcome {
		t.Errorf("%s %s, want %s", m.Stage, outcome, m.Outcome)
	}
	if evidence := evidenceOf(got.Report, stage); !strings.Contains(evidence, m.Evidence) {
		t.Errorf("the evidence does not mention %q:\n%s", m.Evidence, evidence)
	}
	judged := "ok"
	if t.Failed() {
		judged = "WRONG"
	}
	row(t, "SEATRIAL_TRUTH_TABLE", m.Name, deployer, fmt.Sprintf("%s: %s %s", m.Verdict, m.Stage, m.Outcome),
		fmt.Sprintf("%s %d: %s %s", got.Verdict, got.Level, m.Stage, outcome), judged)
}

// examine runs the recipe's pull request and returns what the run came to. Nothing
// may be left over.
func examine(t *testing.T, enrolment []byte, write func(dir string) error) result.Result {
	t.Helper()
	program, dir := binary(t, ""), t.TempDir()
	source, out, tests := filepath.Join(dir, "guestbook"), filepath.Join(dir, "out"), filepath.Join(dir, "tests")
	if err := write(source); err != nil {
		t.Fatal(err)
	}
	if err := examples.WriteEnrolmentText("guestbook", "harbour/guestbook", tests, enrolment); err != nil {
		t.Fatal(err)
	}
	engine, folder, err := toolchain(program, dir)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--state", filepath.Join(dir, "state"), "run", source, "--commit", examples.PullBranch, "--enrolment", filepath.Join(tests, "guestbook"),
		"--out", out, "--share", folder, "--build-env", engine,
	}
	if process.CheckIsolation() == nil {
		args = append(args, "--isolate")
	}
	said, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
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
	for _, pattern := range []string{"work/*", "runs/*"} {
		if left, _ := filepath.Glob(filepath.Join(dir, "state", pattern)); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
	return got
}

// evidenceOf is all that the report says about a stage, and its warnings.
func evidenceOf(r run.Report, stage run.Stage) string {
	said := append([]string{}, r.Warnings...)
	for _, f := range r.Findings {
		said = append(said, f.ID+": "+f.Text)
	}
	for _, s := range r.Stages {
		if s.Stage == stage {
			said = append(said, s.Note)
			if s.Fault != nil {
				said = append(append(said, s.Fault.Summary, s.Fault.Hint), s.Fault.Evidence...)
			}
		}
	}
	return strings.Join(said, "\n")
}

// told is a report for whoever reads the test's output.
func told(r run.Report) string {
	var b strings.Builder
	for _, s := range r.Stages {
		fmt.Fprintf(&b, "%s %s %s\n", s.Stage, s.Outcome, s.Note)
		if s.Fault != nil {
			fmt.Fprintf(&b, "  %s\n  | %s\n", s.Fault.Summary, strings.Join(s.Fault.Evidence, "\n  | "))
		}
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(&b, "note:", w)
	}
	return b.String()
}
