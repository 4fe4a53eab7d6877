package recipes

import "strings"

// Book is every enrolment that was good when it was read, and what was wrong with
// the others. It is a value: reading again makes another book.
type Book struct {
	Enrolments []Enrolment // with their defaults filled in, sorted by name
	Problems   []Problem   // sorted by place
}

// ByRepo finds the enrolment of a repository. Forges do not tell upper from lower
// case in names, so this does not either.
func (b *Book) ByRepo(forge, repo string) (Enrolment, bool) {
	for _, e := range b.Enrolments {
		if sameRepo(e, Enrolment{Forge: forge, Repo: repo}) {
			return e, true
		}
	}
	return Enrolment{}, false
}

// ByName finds the enrolment in the folder of that name.
func (b *Book) ByName(name string) (Enrolment, bool) {
	for _, e := range b.Enrolments {
		if e.Name == name {
			return e, true
		}
	}
	return Enrolment{}, false
}

// sameRepo says whether both are about one repository. Who names no forge means
// whichever has it.
func sameRepo(a, b Enrolment) bool {
	return strings.EqualFold(a.Repo, b.Repo) && (a.Forge == b.Forge || a.Forge == "" || b.Forge == "")
}

func compareNames(a, b Enrolment) int { return strings.Compare(a.Name, b.Name) }
