package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
)

const recordEnding = ".json"

// Records are a node's memory of the attempts that it was given: a file each, written
// before anything of the attempt is made and removed when nothing of it is left. On a
// machine that is a node of several clusters, they say whose an object is.
type Records struct{ Dir string }

// Write records an attempt.
func (r Records) Write(l run.Labels) error {
	text, err := json.Marshal(l)
	if err == nil {
		err = os.MkdirAll(r.Dir, 0o700)
	}
	if err == nil {
		err = atomicfile.Write(r.path(l), append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot record the attempt: %w", err)
	}
	return nil
}

func (r Records) path(l run.Labels) string {
	return filepath.Join(r.Dir, ChildTemplate(l.Run, l.Attempt)+recordEnding)
}

// Has says whether an attempt is recorded.
func (r Records) Has(l run.Labels) bool {
	_, err := os.Stat(r.path(l))
	return err == nil
}

// Forget removes a record: nothing of the attempt is left on the node.
func (r Records) Forget(l run.Labels) error {
	if err := os.Remove(r.path(l)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the record of an attempt: %w", err)
	}
	return nil
}

// Prune forgets the attempts that are over and of which a place lists nothing any more.
func (r Records) Prune(ctx context.Context, place app.Place, live func(context.Context, run.ID) (bool, error)) error {
	found, err := filepath.Glob(filepath.Join(r.Dir, "*"+recordEnding))
	if err != nil || len(found) == 0 {
		return err
	}
	objects, err := place.Objects(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, path := range found {
		var l run.Labels
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &l)
		}
		if err != nil || r.path(l) != path {
			continue // it is being written, or somebody else's
		}
		if slices.ContainsFunc(objects, func(o app.Object) bool { return o.Labels.Run == l.Run && o.Labels.Attempt == l.Attempt }) {
			continue
		}
		if alive, err := live(ctx, l.Run); err != nil || alive {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, r.Forget(l))
	}
	return errors.Join(failed...)
}

// Own is a place of which only the recorded attempts' objects count. They are the
// cluster's, whatever labels are still to be read on them.
func (r Records) Own(place app.Place) app.Place {
	return chosen{place, func(o app.Object) bool { return r.Has(o.Labels) }}
}

// Others is a place without what belongs to a cluster's runs, recorded here or not.
func (r Records) Others(place app.Place) app.Place {
	return chosen{place, func(o app.Object) bool { return !r.Has(o.Labels) && !IsInstance(o.Labels.Instance) }}
}

type chosen struct {
	app.Place
	counts func(app.Object) bool
}

func (p chosen) Objects(ctx context.Context) ([]app.Object, error) {
	all, err := p.Place.Objects(ctx)
	return slices.DeleteFunc(slices.Clone(all), func(o app.Object) bool { return !p.counts(o) }), err
}
