package lint

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"seatrial/recipes/compose"
)

// commonStack is how long a stack's name often is: that of a recipe, and a domain, as
// in knowledge-base_example_coop_eu.
const commonStack = 30

// deployment is the deployment for which a recipe is read. Its stack has a short name,
// so that a recipe can be read whose names get too long elsewhere.
func deployment(env map[string]string) compose.Options {
	return compose.Options{Stack: "app_example_org", Domain: "app.example.org", Env: env}
}

// ReadSwarm reads the recipe for Docker Swarm in a folder into the input, and the
// release in the folder previous, which may be empty for none. Without that target it
// does nothing. What is wrong with the recipe is for Check to say; an error is ours.
func (in *Input) ReadSwarm(ctx context.Context, dir, previous string) error {
	if in.Enrolment.Target != targetSwarm {
		return nil
	}
	env := map[string]string{}
	maps.Copy(env, in.Enrolment.Env)
	if previous != "" {
		// What is wrong with a published release is not said of the head, which is then
		// compared with nothing.
		var err error
		if in.Previous, _, err = readSwarm(ctx, previous, env); err != nil {
			return err
		}
	}
	maps.Copy(env, in.Enrolment.UpgradeEnv)
	var err error
	in.Recipe, in.Problems, err = readSwarm(ctx, dir, env)
	return err
}

func readSwarm(ctx context.Context, dir string, env map[string]string) (*compose.Recipe, compose.Problems, error) {
	recipe, err := compose.Read(ctx, dir, deployment(env))
	var problems compose.Problems
	switch {
	case errors.As(err, &problems):
		return nil, problems, nil
	case err != nil:
		return nil, nil, fmt.Errorf("cannot read the recipe for lint: %w", err)
	}
	return recipe, nil, nil
}
