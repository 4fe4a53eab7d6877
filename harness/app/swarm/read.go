package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/recipes/compose"
)

// ReadOptions are how a recipe is read for an app: the same for the deployer, for the
// policy, and for whoever wants to know its images beforehand.
func ReadOptions(label, domain string, env ...map[string]string) compose.Options {
	all := map[string]string{}
	for _, e := range env {
		maps.Copy(all, e)
	}
	return compose.Options{Stack: label, Domain: domain, Env: all}
}

// read reads a release for this app.
func (a *App) read(ctx context.Context, r app.Release) (*deployed, error) {
	env := []map[string]string{a.cfg.Enrolment.Env}
	if !r.Published {
		env = append(env, a.cfg.Enrolment.UpgradeEnv)
	}
	a.mu.Lock()
	serial := fmt.Sprintf("%d-%s", len(a.history)+1, r.Name)
	a.mu.Unlock()
	recipe, err := compose.Read(ctx, r.Dir, ReadOptions(a.cfg.Label, a.domain, env...))
	if err != nil {
		return nil, Blame(r.Name, err)
	}
	return &deployed{release: r, recipe: recipe, serial: serial, pinned: map[string]string{}, images: map[string]string{}, programs: map[inside.Digest]bool{}}, nil
}

// Blame makes a fault of what is wrong with a recipe's files.
func Blame(release string, err error) error {
	problems, ok := errors.AsType[compose.Problems](err)
	if !ok {
		return fmt.Errorf("cannot read the recipe at %s: %w", release, err)
	}
	f := &app.Fault{}
	for i, p := range problems {
		if i == 0 {
			f.Summary = p.Place() + ": " + p.Message
			if p.Nearest != "" {
				f.Summary += "; did you mean " + p.Nearest + "?"
			}
		}
		f.Evidence = append(f.Evidence, strings.Split(p.String(), "\n")...)
	}
	return f
}

// files are the recipe's compose files, as the docker program is told of them.
func (d *deployed) files() []string {
	var files []string
	for _, f := range d.recipe.Files {
		files = append(files, filepath.Join(d.release.Dir, filepath.FromSlash(f)))
	}
	return files
}

// service is a service as the docker program's loader reads it.
func service(r *compose.Recipe, name string) (types.ServiceConfig, bool) {
	for _, s := range r.Config.Services {
		if s.Name == name {
			return s, true
		}
	}
	return types.ServiceConfig{}, false
}

// main is the service that answers the world.
func (d *deployed) main() compose.Service {
	for _, s := range d.recipe.Services {
		if s.Name == d.recipe.Main {
			return s
		}
	}
	return compose.Service{Name: d.recipe.Main, Full: d.recipe.Stack + "_" + d.recipe.Main}
}
