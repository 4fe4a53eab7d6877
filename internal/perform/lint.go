package perform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"

	"seatrial/harness"
	"seatrial/harness/lint"
	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// lint says what can be said about a head without deploying it.
func (p *Performer) lint(ctx context.Context, b harness.Bench) ([]run.Finding, error) {
	root, err := os.OpenRoot(b.Fetched.Head.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	in := lint.Input{FS: root.FS(), Enrolment: b.Enrolment, Versions: b.Fetched.Versions, Others: b.Fetched.Others, Unknown: b.Fetched.Unknown}
	if b.Enrolment.Target != recipes.TargetSwarm {
		return lint.Check(in), nil
	}
	in.Boot = p.lastBoot(b.Request.Recipe)
	env := maps.Clone(b.Enrolment.Env)
	if b.Fetched.Previous != nil {
		before, err := os.OpenRoot(b.Fetched.Previous.Dir)
		if err != nil {
			return nil, err
		}
		defer before.Close()
		in.PreviousFS = before.FS()
		// What is wrong with a published release is not said of the head: it is then
		// compared with nothing.
		if in.Previous, _, err = readSwarm(ctx, b.Fetched.Previous.Dir, env); err != nil {
			return nil, err
		}
	}
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, b.Enrolment.UpgradeEnv)
	if in.Recipe, in.Problems, err = readSwarm(ctx, b.Fetched.Head.Dir, env); err != nil {
		return nil, err
	}
	return lint.Check(in), nil
}

// readSwarm reads a recipe for lint. An error is ours; what is wrong with the recipe
// are its problems.
func readSwarm(ctx context.Context, dir string, env map[string]string) (*compose.Recipe, compose.Problems, error) {
	recipe, err := compose.Read(ctx, dir, lint.Deployment(env))
	var problems compose.Problems
	switch {
	case errors.As(err, &problems):
		return nil, problems, nil
	case err != nil:
		return nil, nil, fmt.Errorf("cannot read the recipe for lint: %w", err)
	}
	return recipe, nil, nil
}
