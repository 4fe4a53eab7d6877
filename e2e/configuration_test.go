package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every option obeys the same parser, so one is tried in each place: docs/reference/configuration.md.
func TestOptionsComeFromTheCommandLineThenTheEnvironmentThenTheDefault(t *testing.T) {
	program := binary(t, "")
	dir := t.TempDir()
	for _, place := range []string{"tests", "environment", "line"} {
		folder := filepath.Join(dir, place, place+"-recipe")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		enrolment := "version: 1\nrepo: acme/" + place + "\n"
		if err := os.WriteFile(filepath.Join(folder, "recipe.yaml"), []byte(enrolment), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		env  []string
		want string
	}{
		{nil, nil, "acme/tests"},
		{nil, []string{"SEATRIAL_TESTS=environment"}, "acme/environment"},
		{[]string{"--tests", "line"}, nil, "acme/line"},
		{[]string{"--tests", "line"}, []string{"SEATRIAL_TESTS=environment"}, "acme/line"},
		{nil, []string{"SEATRIAL_JSON=yes"}, `"repo":"acme/tests"`},
		{nil, []string{"SEATRIAL_JSON=no"}, "REPOSITORY"},
		{[]string{"--no-such-option"}, nil, "unknown flag --no-such-option"},
		{nil, []string{"SEATRIAL_LOG_LEVEL=loud"}, `must be one of "debug","info","warn","error"`},
	} {
		cmd := exec.Command(program, append([]string{"recipes", "list"}, c.args...)...)
		cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, c.env...)
		out, _ := cmd.CombinedOutput() // wrong options are among the cases: what is said counts
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%v with %v says %q, want %q in it", c.args, c.env, out, c.want)
		}
	}
}
