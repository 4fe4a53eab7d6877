package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"seatrial/internal/lazyregexp"
)

var stackName = lazyregexp.New(`^[a-zA-Z0-9][a-zA-Z0-9_-]*$`)

// Read reads the recipe in a folder. What is wrong with the recipe is a Problems; any
// other error is ours.
func Read(ctx context.Context, dir string, o Options) (*Recipe, error) {
	if !stackName.MatchString(o.Stack) {
		return nil, fmt.Errorf("cannot read a recipe for the stack %q: a stack's name has letters, digits, - and _", o.Stack)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recipe: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recipe: %w", err)
	}
	defer root.Close()
	r := &reader{
		ctx: ctx, root: root, dir: dir, options: o, texts: map[string]string{},
		env: map[string]string{}, lines: map[string]declared{}, offered: map[string]declared{}, unknown: map[string]unknown{},
		places: map[string]spot{},
	}
	// Each step needs what the one before it made sure of.
	var recipe *Recipe
	for _, step := range []func() error{
		r.readEnv, r.readAbra, r.readFiles, r.putVariablesIn, r.load,
		func() error { recipe = r.recipe(); return nil },
	} {
		if err := step(); err != nil {
			return nil, err
		}
		if err := r.found(); err != nil {
			return nil, err
		}
	}
	return recipe, nil
}

// putVariablesIn holds every value against the variables, and notes where it stands.
func (r *reader) putVariablesIn() error {
	for _, f := range r.files {
		r.substitute(f, f.root, nil)
	}
	if len(r.problems) > 0 {
		return nil
	}
	for _, f := range r.files {
		r.index(f, f.root, nil, nil, false)
	}
	return nil
}
