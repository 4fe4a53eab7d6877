package main

import (
	"context"
	"fmt"
	"os"

	"seatrial/harness"
	"seatrial/harness/lint"
	"seatrial/harness/run"
)

// lintRecipe says what can be said about a head without deploying it.
func lintRecipe(ctx context.Context, b harness.Bench) ([]run.Finding, error) {
	root, err := os.OpenRoot(b.Fetched.Head.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot lint the recipe: %w", err)
	}
	defer root.Close()
	in := lint.Input{FS: root.FS(), Enrolment: b.Enrolment, Versions: b.Fetched.Versions}
	previous := ""
	if b.Fetched.Previous != nil {
		previous = b.Fetched.Previous.Dir
		before, err := os.OpenRoot(previous)
		if err != nil {
			return nil, fmt.Errorf("cannot compare the recipe with %s: %w", b.Fetched.Previous.Name, err)
		}
		defer before.Close()
		in.PreviousFS = before.FS()
	}
	if err := in.ReadSwarm(ctx, b.Fetched.Head.Dir, previous); err != nil {
		return nil, err
	}
	return lint.Check(in), nil
}
