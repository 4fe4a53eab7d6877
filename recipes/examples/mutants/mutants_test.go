package mutants

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seatrial/recipes"
	"seatrial/recipes/examples"
)

// What comes of them is the harness's test; here they are whole, and each differs
// from its example.
func TestEachPlantsSomething(t *testing.T) {
	for name, table := range map[string]struct {
		all   []Mutant
		least int
	}{
		"guestbook": {All(), 15},
		"swarm":     {Swarm(), 16},
	} {
		t.Run(name, func(t *testing.T) {
			tests := t.TempDir()
			seen := map[string]bool{}
			for _, m := range table.all {
				t.Run(m.Name, func(t *testing.T) {
					if seen[m.Name] {
						t.Error("named twice")
					}
					seen[m.Name] = true
					plantsSomething(t, m)
					if err := m.WriteEnrolment("acme/"+m.Name, tests); err != nil {
						t.Fatal(err)
					}
				})
			}
			if len(seen) < table.least {
				t.Errorf("there are only %d", len(seen))
			}
			book, err := recipes.Load(tests)
			if err != nil || len(book.Problems) > 0 || len(book.Enrolments) != len(seen) {
				t.Error(err, book.Problems, len(book.Enrolments))
			}
		})
	}
}

func plantsSomething(t *testing.T, m Mutant) {
	t.Helper()
	if m.Plants == "" || m.Evidence == "" && !m.Healthy {
		t.Errorf("without words: %+v", m)
	}
	warned := m.Outcome == "passed" && m.Verdict == "pass"
	if !warned && (!slices.Contains([]string{"fail", "unverified"}, m.Verdict) || !slices.Contains([]string{"failed", "unverified"}, m.Outcome)) || m.Stage == "" {
		t.Errorf("it expects %s of %s with the verdict %s", m.Outcome, m.Stage, m.Verdict)
	}
	plain, dir := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "repo")
	if err := examples.Write(t.Context(), m.example(), plain); err != nil {
		t.Fatal(err)
	}
	if err := m.Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	enrolment, err := examples.Enrolment(m.example())
	if err != nil {
		t.Fatal(err)
	}
	own, err := m.Enrolment()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.changes) > 0 && revision(t, dir) == revision(t, plain) {
		t.Error("its head is the plain example's")
	}
	if len(m.changes) == 0 && strings.ReplaceAll(string(own), "\n  steady: 1s", "") == string(enrolment) {
		t.Error("nothing is planted")
	}
}

func revision(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("git", "-C", dir, "rev-parse", examples.PullBranch).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
