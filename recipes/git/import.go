package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Import makes a repository of a fast-import stream, with its branch main checked
// out. The folder must be empty or not there.
func (g *Git) Import(ctx context.Context, dir string, stream io.Reader) error {
	fail := func(err error) error { return fmt.Errorf("cannot make a repository in %s: %w", dir, err) }
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fail(errors.New("the folder is not empty"))
	}
	if _, err := g.ask(ctx, "init", "--quiet", "--template=", "--initial-branch=main", "--end-of-options", dir); err != nil {
		return fail(err)
	}
	if err := g.run(ctx, call{args: []string{"-C", dir, "fast-import", "--quiet", "--done"}, stdin: stream}); err != nil {
		return fail(err)
	}
	if _, err := g.ask(ctx, "-C", dir, "reset", "--quiet", "--hard", "refs/heads/main", "--"); err != nil {
		return fail(err)
	}
	return nil
}
