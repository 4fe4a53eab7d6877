package answer

import (
	"slices"
	"strings"

	"seatrial/bridge/forge"
	"seatrial/recipes"
)

// Enrolled maps between enrolments and repositories, as the enrolments are now.
type Enrolled struct {
	Enrolments func() []recipes.Enrolment
	Forges     []string // that are served; an enrolment that names none means the first
}

// RepoOf returns the repository of an enrolment; ok is false if its forge is not served.
func (s Enrolled) RepoOf(e recipes.Enrolment) (repo forge.Repo, ok bool) {
	id := e.Forge
	if id == "" && len(s.Forges) > 0 {
		id = s.Forges[0]
	}
	repo, err := forge.ParseRepo(id, e.Repo)
	return repo, err == nil && slices.Contains(s.Forges, id)
}

// Repos returns all enrolled repositories.
func (s Enrolled) Repos() []forge.Repo {
	all := s.Enrolments()
	repos := make([]forge.Repo, 0, len(all))
	for _, e := range all {
		if repo, ok := s.RepoOf(e); ok {
			repos = append(repos, repo)
		}
	}
	return repos
}

// Of returns the enrolment of a repository, ignoring case, and the repository as the
// enrolment spells it; nil if there is none.
func (s Enrolled) Of(repo forge.Repo) (*recipes.Enrolment, forge.Repo) {
	for _, e := range s.Enrolments() {
		if r, ok := s.RepoOf(e); ok && r.Forge == repo.Forge && strings.EqualFold(r.String(), repo.String()) {
			return &e, r
		}
	}
	return nil, repo
}

// Recipe returns the enrolment of a recipe.
func (s Enrolled) Recipe(name string) (recipes.Enrolment, bool) {
	all := s.Enrolments()
	i := slices.IndexFunc(all, func(e recipes.Enrolment) bool { return e.Name == name })
	if i < 0 {
		return recipes.Enrolment{}, false
	}
	return all[i], true
}
