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
	found, err := d.objects(ctx, id, attempt)
	var swept run.Swept
	var failures []error
	if err != nil {
		failures = append(failures, err)
	}
	scraps, err := d.removeScraps(id, attempt)
	if err != nil {
		failures = append(failures, err)
	}
	for _, f := range found {
		if err := f.place.Remove(ctx, f.object); err != nil {
			failures = append(failures, fmt.Errorf("cannot remove %s %s: %w", f.object.Kind, f.object.ID, err))
		}
	}
	left, err := d.objects(ctx, id, attempt)
	if err != nil {
		return run.Swept{}, errors.Join(append(failures, err)...)
	}
	for _, f := range left {
		swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: f.object.Kind, Name: f.object.ID, Detail: f.object.Detail})
	}
	for _, path := range scraps {
		swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: "folder", Name: path, Detail: "half-written files"})
	}
	swept.Removed = max(0, len(found)-len(left))
	if len(failures) > 0 {
		d.Log.Warn("the sweep met errors", "run", id, "attempt", attempt, "err", errors.Join(failures...))
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

type placed struct {
	place  app.Place
	object app.Object
}

func (d *Dispatcher) objects(ctx context.Context, id run.ID, attempt int) ([]placed, error) {
	var found []placed
	for _, place := range d.Places {
		objects, err := place.Objects(ctx)
		if err != nil {
			return found, fmt.Errorf("cannot list what run %s left: %w", id, err)
		}
		for _, o := range objects {
			if o.Labels.Run == id && o.Labels.Attempt == attempt {
				found = append(found, placed{place, o})
			}
		}
	}
	return found, nil
}
