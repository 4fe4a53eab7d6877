package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"seatrial/harness/app"
	"seatrial/harness/run"
)

// Sweep removes what carries the attempt's labels, and lists again. An attempt
// that still runs is left alone.
func (d *Dispatcher) Sweep(ctx context.Context, id run.ID, attempt int) (run.Swept, error) {
	state, err := d.State(ctx, id, attempt)
	if err != nil {
		return run.Swept{}, err
	}
	if !state.Phase.Over() {
		return run.Swept{}, fmt.Errorf("cannot sweep run %s: it is still %s", id, state.Phase)
	}
	scraps, trouble := d.removeScraps(id, attempt)
	swept, failures, err := app.Clean(ctx, d.Places, id, attempt)
	trouble = errors.Join(trouble, failures)
	if err != nil {
		return run.Swept{}, errors.Join(trouble, err)
	}
	for _, path := range scraps {
		swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: "folder", Name: path, Detail: "half-written files"})
	}
	if trouble != nil {
		d.Log.Warn("the sweep met errors", "run", id, "attempt", attempt, "err", trouble)
	}
	return swept, nil
}

// removeScraps removes what a bridge or a harness that was killed had begun to write
// for the attempt: it has a dot before its name until it is whole. It returns what it
// could not remove.
func (d *Dispatcher) removeScraps(id run.ID, attempt int) (left []string, err error) {
	folder := d.folder(id, attempt)
	for _, pattern := range []string{filepath.Join(filepath.Dir(folder), newPrefix+"*"), filepath.Join(folder, ".*")} {
		found, _ := filepath.Glob(pattern) // the pattern is well formed
		for _, path := range found {
			if failed := os.RemoveAll(path); failed != nil {
				left, err = append(left, path), errors.Join(err, failed)
			}
		}
	}
	return left, err
}
