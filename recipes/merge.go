package recipes

import (
	"fmt"
	"reflect"
	"slices"
)

// Merge puts two books together. Where both claim a name or a repository, the first
// has it, and the second's claim is a problem unless it says the same. Neither book is
// changed.
func Merge(first, second *Book) *Book {
	b := &Book{Enrolments: slices.Clone(first.Enrolments), Problems: slices.Concat(first.Problems, second.Problems)}
	for _, e := range second.Enrolments {
		twin, taken := first.ByName(e.Name)
		what := "the recipe " + e.Name
		if !taken {
			twin, taken = first.ByRepo(e.Forge, e.Repo)
			what = e.Repo
		}
		if taken && same(twin, e) {
			continue
		}
		if taken {
			b.Problems = append(b.Problems, Problem{File: e.File, Message: fmt.Sprintf("%s is enrolled twice, here and at %s, which is what counts: keep one", what, twin.File)})
			continue
		}
		b.Enrolments = append(b.Enrolments, e)
	}
	b.refuseDeps(func(e Enrolment, _ int) Problem { return Problem{File: e.File} })
	slices.SortFunc(b.Enrolments, compareNames)
	b.Problems = sortProblems(b.Problems)
	return b
}

// same says whether two enrolments differ only in where they were read.
func same(a, b Enrolment) bool {
	a.File = b.File
	return reflect.DeepEqual(a, b)
}
