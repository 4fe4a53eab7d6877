package stage

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"seatrial/harness/run"
)

func TestWhatStartCommandsMayNotAskFor(t *testing.T) {
	for line, want := range map[string]string{
		"web: ./app":                              "",
		"web: ./app --as-user su --mount sudo":    "",
		"# web: sudo ./app":                       "",
		"web: sudo ./app":                         "Procfile:1: sudo asks for privileges",
		"web:sudo ./app":                          "Procfile:1: sudo asks for privileges",
		"web: exec /usr/bin/doas ./app":           "Procfile:1: doas asks for privileges",
		"web: cd x && su -c ./app":                "Procfile:1: su asks for privileges",
		"web: sh -c '(pkexec ./app)'":             "Procfile:1: pkexec asks for privileges",
		"web: ./app\nworker: true; sudo reboot":   "Procfile:2: sudo asks for privileges",
		"web: " + strings.Repeat("x", 70_000):     "Procfile: bufio.Scanner: token too long",
		"web: ./supervisor\nrelease: ./sudoku.sh": "",
	} {
		dir := t.TempDir()
		write(t, dir, "Procfile", line+"\n")
		if got := strings.Join(startCommands(os.DirFS(dir)), "; "); got != want {
			t.Errorf("%.40q: got %q, want %q", line, got, want)
		}
	}
}

func TestFilesThatNoRecipeNeeds(t *testing.T) {
	s := newStory(t)
	s.only = run.StagePolicy
	write(t, s.dir, "tool", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(s.dir, "tool"), 0o755|fs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(s.dir, "Procfile"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.dir, "link")); err != nil {
		t.Fatal(err)
	}
	s.tell(t.Context())
	r := s.report(t)
	told := text(r)
	for _, want := range []string{"Procfile: a device, pipe or socket", "tool: a program that runs as another user"} {
		if !strings.Contains(told, want) {
			t.Errorf("nobody tells %q:\n%s", want, told)
		}
	}
	if strings.Contains(told, "link") {
		t.Errorf("a link is lint's question:\n%s", told)
	}
}

func TestARecipeFullOfMistakesIsNotToldToItsEnd(t *testing.T) {
	s := newStory(t)
	s.only = run.StageLint
	for range 5000 {
		s.findings = append(s.findings, run.Finding{ID: "broken-link", Severity: run.SeverityWarning, Text: "x"})
	}
	s.findings = append(s.findings, run.Finding{ID: "no-web", Severity: run.SeverityError, Text: "the worst comes last"})
	s.tell(t.Context())
	r := s.report(t)
	if len(r.Findings) != mostFindings || r.Findings[0].ID != "no-web" || r.Outcome(run.StageLint) != run.Failed {
		t.Errorf("%d findings, the first is %v", len(r.Findings), r.Findings[0])
	}
	if len(r.Warnings) != 1 || r.Warnings[0] != "4801 more findings are not shown" {
		t.Errorf("warnings: %q", r.Warnings)
	}
}
