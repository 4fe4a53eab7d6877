package forge

import (
	"slices"
	"strings"
)

// Scope is what a feed reads: a whole organisation, or one repository. Exactly one
// of Org and Repo is set.
type Scope struct {
	Forge string // the forge's id in our configuration

	// Org asks one question about a whole organisation. It is quick and cheap, but a
	// hint: what it misses, a sweep of the repository finds.
	Org string
	// Repos are the repositories of Org that are wanted; nil means all of them.
	Repos []Repo

	// Repo asks one repository, and misses nothing.
	Repo Repo
}

// Organisation is the scope of a whole organisation, of which only the given
// repositories are wanted. With nil, all are; with an empty list, none.
func Organisation(forge, org string, repos []Repo) Scope {
	return Scope{Forge: forge, Org: org, Repos: repos}
}

// Repository is the scope of one repository.
func Repository(r Repo) Scope { return Scope{Forge: r.Forge, Repo: r} }

// Name is the key under which the scope's cursor is kept. It does not change when
// other repositories are wanted.
func (s Scope) Name() string {
	if s.Org != "" {
		return s.Forge + ":org:" + s.Org
	}
	return s.Forge + ":repo:" + s.Repo.String()
}

// Find says whether a repository belongs to the scope, and how the scope spells it:
// forges do not tell upper from lower case in names.
func (s Scope) Find(r Repo) (Repo, bool) {
	same := func(wanted Repo) bool {
		return wanted.Forge == r.Forge && strings.EqualFold(wanted.Owner, r.Owner) && strings.EqualFold(wanted.Name, r.Name)
	}
	if s.Org == "" {
		return s.Repo, same(s.Repo)
	}
	if s.Repos == nil {
		return r, strings.EqualFold(s.Org, r.Owner)
	}
	if i := slices.IndexFunc(s.Repos, same); i >= 0 {
		return s.Repos[i], true
	}
	return Repo{}, false
}

// Wants says whether comments of a repository belong to the scope.
func (s Scope) Wants(r Repo) bool {
	_, ok := s.Find(r)
	return ok
}
