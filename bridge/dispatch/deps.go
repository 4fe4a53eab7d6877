package dispatch

import (
	"strings"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// Dep is another recipe, whose app is deployed first, at its latest published release.
type Dep struct {
	Name      string            `json:"name"` // of the enrolment
	URL       string            `json:"url"`  // what git fetches, or a folder
	Enrolment recipes.Enrolment `json:"enrolment"`
	Trusted   bool              `json:"trusted"`        // the operator trusts its code
	Copy      string            `json:"copy,omitempty"` // as Job.Copy
}

// WithDeps adds what the recipe depends on, as the enrolments are now. What cannot be
// had does not keep the run from starting: it says so itself, as blocked.
func (j Job) WithDeps(find func(name string) (recipes.Enrolment, bool)) Job {
	enrolments, err := recipes.Deps(j.Enrolment, find)
	if err != nil {
		j.NoDeps = err.Error()
		return j
	}
	for _, e := range enrolments {
		address, ok := beside(j.Request.Code, e.Repo)
		if !ok {
			j.NoDeps = "the dependency " + e.Name + " cannot be had: nobody knows where its repository " + e.Repo + " is"
			return j
		}
		j.Deps = append(j.Deps, Dep{Name: e.Name, URL: address, Enrolment: e, Trusted: e.Trusted.Code})
	}
	return j
}

// beside is the address of another repository on the forge that has the code.
func beside(code run.Code, repo string) (string, bool) {
	rest, git := strings.CutSuffix(code.URL, ".git")
	at := len(rest) - len(code.Repo)
	if code.Repo == "" || at < 1 || rest[at-1] != '/' || !strings.EqualFold(rest[at:], code.Repo) {
		return "", false
	}
	address := rest[:at] + repo
	if git {
		address += ".git"
	}
	return address, true
}
