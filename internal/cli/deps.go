package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seatrial/bridge/dispatch"
	"seatrial/internal/exit"
	"seatrial/recipes"
)

// deps are the dependencies of a recipe in a folder: their enrolments lie beside its own,
// and their repositories where --dep says.
func (c *runCommand) deps(e recipes.Enrolment) ([]dispatch.Dep, error) {
	folders := map[string]string{}
	for _, entry := range c.Dep {
		name, dir, ok := strings.Cut(entry, "=")
		if !ok || name == "" || dir == "" {
			return nil, exit.Errorf(exit.Usage, "--dep %q names no dependency: write it NAME=DIR", entry)
		}
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, exit.Errorf(exit.Usage, "--dep %s: %s is not a directory: name that of the recipe", name, dir)
		}
		folders[name] = dir
	}
	var bad error // says more than that it is not enrolled
	enrolments, err := recipes.Deps(e, func(name string) (recipes.Enrolment, bool) {
		dep, err := siblingEnrolment(e, name)
		bad = errors.Join(bad, err)
		return dep, err == nil
	})
	if bad != nil {
		err = bad
	}
	if err != nil {
		return nil, exit.With(exit.Configuration, err)
	}
	var deps []dispatch.Dep
	for _, dep := range enrolments {
		dir, ok := folders[dep.Name]
		if !ok {
			return nil, exit.Errorf(exit.Usage, "the recipe depends on %s: say where that lies with --dep %s=DIR", dep.Name, dep.Name)
		}
		delete(folders, dep.Name)
		deps = append(deps, dispatch.Dep{Name: dep.Name, URL: dir, Enrolment: dep, Trusted: !c.Isolate})
	}
	for name := range folders {
		return nil, exit.Errorf(exit.Usage, "--dep %s: the enrolment names no such dependency under deps", name)
	}
	return deps, nil
}

// siblingEnrolment is the enrolment of another recipe in the same folder of enrolments.
func siblingEnrolment(e recipes.Enrolment, name string) (recipes.Enrolment, error) {
	folder := filepath.Join(filepath.Dir(filepath.Dir(e.File)), name)
	found, _ := filepath.Glob(filepath.Join(folder, "recipe.*"))
	if len(found) != 1 {
		return recipes.Enrolment{}, fmt.Errorf("the dependency %s is not enrolled: there is no %s", name, filepath.Join(folder, "recipe.yaml"))
	}
	dep, problems, err := recipes.LoadFile(found[0])
	if err == nil && len(problems) > 0 {
		err = problems[0]
	}
	if err == nil && dep.Target != recipes.TargetSwarm {
		err = fmt.Errorf("the dependency %s is deployed by the target %s; a dependency is a recipe for the target swarm", name, dep.Target)
	}
	return dep, err
}
