package run

import (
	"cmp"

	"seatrial/internal/shell"
)

// AtHome are the lines that do the same without a forge, for a shell; none where they
// would not work. enrolment is its file there; empty: where it lies beside the recipe.
func (r Request) AtHome(enrolment string) []string {
	at := r.Code
	if at.URL == "" || at.Commit == "" || at.WorkTree {
		return nil
	}
	folder := shell.Word("./" + r.Recipe)
	lines := []string{
		"git clone " + shell.Word(at.URL) + " " + folder + " && cd " + folder,
		"git fetch origin " + shell.Word(cmp.Or(at.Ref, at.Commit)) + " && git checkout --detach " + shell.Word(at.Commit),
		"seatrial run . --enrolment " + shell.Word(cmp.Or(enrolment, "../tests/"+r.Recipe+"/recipe.yaml")) + " --commit " + shell.Word(at.Commit),
	}
	if r.From != "" {
		lines[2] += " --from " + shell.Word(r.From)
	}
	if r.Only != "" {
		lines[2] += " --only " + shell.Word(string(r.Only))
	}
	return lines
}
