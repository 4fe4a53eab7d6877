package admission

import (
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Permissions say what may be tested at all on a forge. The zero value allows everything.
// Repos are globs over owner/name, which forges do not tell upper from lower case in;
// Branches are globs over the branch that a pull request wants to change. * and ? stay
// within a part of a name, ** does not.
type Permissions struct {
	Repos    []string
	Branches []string
}

// repo says whether a repository may be tested.
func (p Permissions) repo(name string) bool {
	lower := make([]string, len(p.Repos))
	for i, glob := range p.Repos {
		lower[i] = strings.ToLower(glob)
	}
	return matchesAny(lower, strings.ToLower(name))
}

// matchesAny says whether a name matches one of the globs, or there are none. A glob that is none
// matches nothing.
func matchesAny(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := doublestar.Match(glob, name)
		return ok && err == nil
	})
}
