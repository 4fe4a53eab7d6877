package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"seatrial/harness/run"
)

// Clean removes what carries an attempt's labels from places, and lists again.
//
// trouble is what went wrong on the way although the second look told what is left;
// err is that there was no second look.
func Clean(ctx context.Context, places []Place, id run.ID, attempt int) (swept run.Swept, trouble, err error) {
	found, trouble := labelled(ctx, places, id, attempt)
	// What was made last is listed last, and goes first: it uses what was made before it.
	for _, f := range slices.Backward(found) {
		if err := f.place.Remove(ctx, f.object); err != nil {
			trouble = errors.Join(trouble, fmt.Errorf("cannot remove %s %s: %w", f.object.Kind, f.object.ID, err))
		}
	}
	left, err := labelled(ctx, places, id, attempt)
	if err != nil {
		return run.Swept{}, trouble, err
	}
	for _, f := range left {
		swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: f.object.Kind, Name: f.object.ID, Detail: f.object.Detail})
	}
	swept.Removed = max(0, len(found)-len(left))
	return swept, trouble, nil
}

type placed struct {
	place  Place
	object Object
}

func labelled(ctx context.Context, places []Place, id run.ID, attempt int) ([]placed, error) {
	var found []placed
	for _, place := range places {
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
