package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/harness/cluster/agent"
	"seatrial/internal/exit"
	"seatrial/internal/must"
)

// nomadStage is a cluster of one, and the enrolment of a guestbook.
func nomadStage(t *testing.T) (tests, token string) {
	t.Helper()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, "there is no nomad: dev/nomad/build")
	a, err := agent.Start(t.Context(), agent.Options{Program: program, Dir: filepath.Join(t.TempDir(), "n"), Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Wipe(); err != nil {
			t.Error(err)
		}
	})
	token, err = a.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.WaitReady(t.Context(), token, 1); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOMAD_ADDR", a.HTTP)
	t.Setenv("NOMAD_TOKEN", token)
	t.Setenv("SEATRIAL_STATE", t.TempDir())
	tests = t.TempDir()
	t.Setenv("SEATRIAL_TESTS", tests)
	enrol(t, tests, "guestbook", "version: 1\nrepo: harbour/guestbook\n")
	return tests, token
}

func enrol(t *testing.T, tests, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(tests, name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tests, name, "recipe.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// type in what a person would, and see what comes.
func typeIn(t *testing.T, exit int, line string) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := Main("dev", strings.Fields(line), strings.NewReader(""), &o, &e); got != exit {
		t.Errorf("seatrial %s ends with %d, not %d:\n%s%s", line, got, exit, o.String(), e.String())
	}
	return o.String(), e.String()
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func TestAClusterIsSetUpAndExamined(t *testing.T) {
	tests, _ := nomadStage(t)
	file := filepath.Join(t.TempDir(), "token")

	out, errs := typeIn(t, exit.Configuration, "nomad doctor")
	contains(t, out, "✗ there is no namespace ci: seatrial nomad setup makes it")
	contains(t, errs, "things to put right")

	out, _ = typeIn(t, exit.Pass, "nomad setup --bridge-token-file "+file)
	contains(t, out, "made           namespace  ci\n", "made           policy     seatrial-harness-guestbook\n", "made           job        seatrial-run-guestbook\n", "made           token      "+file)
	out, _ = typeIn(t, exit.Pass, "nomad setup --bridge-token-file "+file)
	contains(t, out, "unchanged      job        seatrial-run\n", "unchanged      token", "\nNothing to change.\n")

	t.Setenv("NOMAD_TOKEN", "")
	out, _ = typeIn(t, exit.Pass, "nomad doctor --nomad-token-file "+file)
	contains(t, out, "✓ the token may do what the bridge does", "✓ the job seatrial-run-guestbook is registered and up to date", "! the janitor has not been here")
	_, errs = typeIn(t, exit.Configuration, "nomad setup --nomad-token-file "+file)
	contains(t, errs, "Nomad does not allow it")
	_, errs = typeIn(t, exit.Configuration, "nomad setup")
	contains(t, errs, "Nomad does not allow it")

	enrol(t, tests, "guestbook", "version: 1\nrepo: harbour/guestbook\nneeds: [browser]\n")
	out, _ = typeIn(t, exit.Configuration, "nomad doctor --nomad-token-file "+file)
	contains(t, out, "✗ the job seatrial-run-guestbook is stopped, or not up to date: seatrial nomad setup does it", "✗ no node offers what the recipe guestbook needs: browser")
}

func TestEnrolmentsArePushedIntoVariables(t *testing.T) {
	tests, _ := nomadStage(t)
	enrol(t, tests, "wiki", "version: 1\nrepo: harbour/wiki\nneeds: [browser]\n")
	enrol(t, tests, "bad", "version: 1\nrepo: harbour/bad\nhelth: {}\n")
	wiki := filepath.Join(tests, "wiki")
	push := "recipes push --gitea-url https://git.example.org "
	none := t.TempDir()
	typeIn(t, exit.Pass, "nomad setup --tests "+none)

	_, errs := typeIn(t, exit.Configuration, push+wiki+" "+filepath.Join(tests, "bad"))
	contains(t, errs, "unknown key helth; did you mean health?", "there is no good enrolment in ")
	out, _ := typeIn(t, exit.Pass, push+"--dry-run "+wiki)
	contains(t, out, "would be made  wiki\n")
	out, _ = typeIn(t, exit.Pass, push+wiki)
	contains(t, out, "made       wiki\n")
	out, _ = typeIn(t, exit.Pass, push+wiki)
	contains(t, out, "unchanged  wiki\nNothing to change.\n")
	out, _ = typeIn(t, exit.Pass, "recipes list --nomad")
	contains(t, out, "wiki    harbour/wiki")

	// Their recipes have jobs, too, and nothing goes while an enrolment cannot be read.
	out, _ = typeIn(t, exit.Pass, "nomad setup --tests "+none)
	contains(t, out, "made           job        seatrial-run-wiki\n")
	out, errs = typeIn(t, exit.Pass, "nomad setup")
	contains(t, out, "made           job        seatrial-run-guestbook\n")
	contains(t, errs, "unknown key helth")
	if strings.Contains(errs, "twice") {
		t.Errorf("what was pushed is a problem: %s", errs)
	}
	enrol(t, tests, "wiki", "version: 1\nrepo: harbour/wiki\n")
	_, errs = typeIn(t, exit.Pass, "nomad setup")
	contains(t, errs, "the recipe wiki is enrolled twice, here and at "+wiki)
	out, _ = typeIn(t, exit.Pass, push+wiki)
	contains(t, out, "changed    wiki\n")
	out, _ = typeIn(t, exit.Pass, "nomad setup --tests "+filepath.Join(none, "nowhere"))
	contains(t, out, "Nothing to change.")
	out, _ = typeIn(t, exit.Pass, "nomad setup --tests "+none)
	contains(t, out, "removed        job        seatrial-run-guestbook\n", "removed        policy     seatrial-harness-guestbook\n", "unchanged      job        seatrial-run-wiki\n")
}
