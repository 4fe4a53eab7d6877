package compose

import (
	"context"
	"errors"

	_ "github.com/docker/cli/cli/compose/loader"
)

// Read reads the recipe in a folder. What is wrong with the recipe is a Problems.
func Read(ctx context.Context, dir string, o Options) (*Recipe, error) {
	return nil, errors.New("not written yet")
}
