// Package mutants plants defects into example recipes: one in each, and each one that
// a real recipe had. A harness that lets one pass is broken.
//
// A mutant is the example's history and enrolment with a few lines changed. It says
// which verdict it must get, at which stage, and what the evidence must mention. A
// change that does not find the lines that it changes is an error, so that a mutant
// never turns into the plain example unseen.
package mutants

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"seatrial/recipes/examples"
)

// Mutant is an example with one planted defect.
type Mutant struct {
	Name    string
	Plants  string // the defect, in a sentence
	Example string // whose defect it is; empty for the guestbook

	// What must come of it, in the words of reports. Stage is where the defect must
	// show, and Outcome is that stage's.
	Verdict string // fail or unverified; pass where a warning keeps it from the highest level, or where what is odd is none
	Stage   string
	Outcome string // failed or unverified, or passed
	// Evidence must be in what the report says: that stage's note, its fault, or a
	// warning.
	Evidence string
	// Healthy is an oddity that is no defect: it must pass at the highest level.
	Healthy bool

	changes   []change
	enrolment []swap
}

// change replaces text in a file of the recipe, from a commit on. Without an old
// text it replaces the whole file.
type change struct{ at, file, old, text string }

// swap replaces text in the enrolment.
type swap struct{ old, text string }

func (m Mutant) example() string { return cmp.Or(m.Example, "guestbook") }

// Write makes the mutant's repository: two published releases, and the branch
// examples.PullBranch, which is to be tested.
func (m Mutant) Write(ctx context.Context, dir string) error {
	h, err := examples.Load(m.example())
	if err != nil {
		return err
	}
	for _, c := range m.changes {
		if h, err = h.Replace(c.at, c.file, c.old, c.text); err != nil {
			return fmt.Errorf("cannot plant %s: %w", m.Name, err)
		}
	}
	return h.Write(ctx, dir)
}

// Enrolment is the text of the mutant's enrolment.
func (m Mutant) Enrolment() ([]byte, error) {
	text, err := examples.Enrolment(m.example())
	if err != nil {
		return nil, err
	}
	for _, s := range m.enrolment {
		if bytes.Count(text, []byte(s.old)) != 1 {
			return nil, fmt.Errorf("cannot plant %s: the enrolment does not hold %q once", m.Name, s.old)
		}
		text = bytes.Replace(text, []byte(s.old), []byte(s.text), 1)
	}
	return text, nil
}

// WriteEnrolment enrols the mutant under its name, with the repository owner/name,
// in a folder of enrolments.
func (m Mutant) WriteEnrolment(repo, tests string) error {
	text, err := m.Enrolment()
	if err != nil {
		return err
	}
	return examples.WriteEnrolmentText(m.Name, repo, tests, text)
}
