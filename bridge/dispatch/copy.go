package dispatch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// WithCopies says where the copies lie that the job fetches from, below root.
func (j Job) WithCopies(root string) (Job, error) {
	var err error
	if j.Copy, err = CopyFolder(root, j.Request.Code); err != nil {
		return j, err
	}
	j.Deps = slices.Clone(j.Deps)
	for i, d := range j.Deps {
		if j.Deps[i].Copy, err = CopyFolder(root, depCode(j.Request.Code, d.Enrolment)); err != nil {
			return j, err
		}
	}
	return j, nil
}

// Copied are the repositories whose copies an attempt at a run fetches from: with a
// private one those that it depends on, whether or not they are private. What
// everybody can read depends on nothing private.
func Copied(code run.Code, e recipes.Enrolment, find func(name string) (recipes.Enrolment, bool)) []run.Code {
	if !code.Private {
		return nil
	}
	all := []run.Code{code}
	deps, err := recipes.Deps(e, find)
	if err != nil {
		return all // the run says so
	}
	for _, d := range deps {
		all = append(all, depCode(code, d))
	}
	return all
}

// depCode is the repository of a dependency: on the same forge.
func depCode(code run.Code, e recipes.Enrolment) run.Code {
	return run.Code{Forge: code.Forge, Repo: e.Repo, Private: code.Private}
}

// CopyFolder is where the copy of a private repository lies below root; empty for code
// that everybody can read. Forges do not tell upper from lower case in names, and neither
// does the folder.
func CopyFolder(root string, code run.Code) (string, error) {
	if !code.Private {
		return "", nil
	}
	owner, name, ok := strings.Cut(strings.ToLower(code.Repo), "/")
	if ok = ok && root != "" && name != ""; ok {
		for _, part := range []string{code.Forge, owner, name + ".git"} {
			ok = ok && part != "" && part != "." && part != ".." && !strings.ContainsAny(part, "/\\\x00")
		}
	}
	if !ok {
		return "", fmt.Errorf("there is no place for a copy of the private repository %q of the forge %q", code.Repo, code.Forge)
	}
	return filepath.Join(root, code.Forge, owner, name+".git"), nil
}
