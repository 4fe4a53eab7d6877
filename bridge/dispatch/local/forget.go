package local

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
	"seatrial/recipes"
)

// Forget takes a person out of the job in an attempt's folder: as the one who asked, and out of the
// lists of who may. It says whether they were in it; with dry that is all. The attempt must be over.
func Forget(folder string, who run.Accounts, dry bool) (found bool, err error) {
	job, err := ReadJob(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	forge := job.Request.Code.Forge
	found = who.ForgetInRequest(&job.Request)
	enrolments := []*recipes.Enrolment{&job.Enrolment}
	for i := range job.Deps {
		enrolments = append(enrolments, &job.Deps[i].Enrolment)
	}
	for _, e := range enrolments {
		for _, list := range []*[]recipes.Account{&e.Who.People, &e.Who.Approvers, &e.Trusted.Senders} {
			all := len(*list)
			*list = slices.DeleteFunc(*list, func(a recipes.Account) bool { return who.Has(forge, run.Person{Login: a.Login, ID: a.ID}) })
			found = found || len(*list) < all
		}
	}
	if !found || dry {
		return found, nil
	}
	return true, writeJSON(filepath.Join(folder, jobFile), job, atomicfile.Write)
}
