package forgetest

// Traits are ways in which forges differ, so that the contract asks of each what it can.
type Traits struct {
	OrgQuestion    bool // one question tells what is new in a whole organisation
	NumberedPushes bool // pushes and comments are numbered in one sequence
	Free           bool // a question whose answer is the same costs nothing of the limit
	OldLogins      bool // who asks about an old login is led to the new one
	Checks         bool // an App reports by check runs
}

// The traits of the forges that we know.
var (
	GiteaTraits  = Traits{OrgQuestion: true, NumberedPushes: true, OldLogins: true}
	GitHubTraits = Traits{Free: true, Checks: true}
)

// only ends a clause that does not apply to the forge.
func (s *scene) only(applies bool, why string) {
	s.Helper()
	if !applies {
		s.Skip(why)
	}
}
