package recipes

import (
	"slices"
	"strings"
)

// Book is every enrolment that was good when it was read, and what was wrong with
// the others. It is a value: reading again makes another book.
type Book struct {
	Enrolments []Enrolment // with their defaults filled in, sorted by name
	Problems   []Problem   // sorted by place
}

// ByRepo finds the enrolment of a repository. Forges do not tell upper from lower
// case in names, so this does not either.
func (b *Book) ByRepo(forge, repo string) (Enrolment, bool) {
	return b.find(func(e Enrolment) bool { return sameRepo(e, Enrolment{Forge: forge, Repo: repo}) })
}

// ByName finds the enrolment in the folder of that name.
func (b *Book) ByName(name string) (Enrolment, bool) {
	return b.find(func(e Enrolment) bool { return e.Name == name })
}

func (b *Book) find(fits func(Enrolment) bool) (Enrolment, bool) {
	if i := slices.IndexFunc(b.Enrolments, fits); i >= 0 {
		return b.Enrolments[i], true
	}
	return Enrolment{}, false
}

// sameRepo says whether both are about one repository. Who names no forge means
// whichever has it.
func sameRepo(a, b Enrolment) bool {
	return strings.EqualFold(a.Repo, b.Repo) && (a.Forge == b.Forge || a.Forge == "" || b.Forge == "")
}

func compareNames(a, b Enrolment) int { return strings.Compare(a.Name, b.Name) }
