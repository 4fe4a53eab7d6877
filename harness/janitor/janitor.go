package janitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/pause"
)

// Owners tells whether somebody still answers for a run. It is safe for concurrent use.
type Owners interface {
	// Owner says whether the run is known, and whether it still lives. found is false
	// only if the run is certainly unknown; whoever cannot tell returns an error.
	Owner(ctx context.Context, id run.ID) (live, found bool, err error)
}

// Janitor sweeps places.
type Janitor struct {
	Instance string // the installation that it belongs to
	// Ours says which other installations' objects it answers for as for its own. May be nil.
	Ours func(instance string) bool
	// Abandoned says that the program that answered for an instance has surely ended. May be nil.
	Abandoned func(instance string) bool
	Places    []app.Place
	Owners    Owners
	Now       func() time.Time
	Log       *slog.Logger
}

// Options limit a sweep.
type Options struct {
	DryRun    bool          // only say what would be removed
	OlderThan time.Duration // if not 0: only what expired longer ago than this
}

const (
	// rounds is how often a sweep tries to remove a thing: one that cannot go before
	// another is gone the next time.
	rounds = 3
	// roundPause lets the platform finish what it was told between two rounds.
	roundPause = 300 * time.Millisecond
	// oneRemoval is for one thing. A platform that hangs must not stop the sweep.
	oneRemoval = 30 * time.Second
	// atOnce is how many runs are removed at the same time: most of it is waiting.
	atOnce = 8
)

// Sweep looks at every object of every place and removes those that nobody
// answers for any more. One failure does not stop it; the error at the end counts
// what could not be done, the result names it. What is reported as removed was
// not listed any more afterwards.
func (j *Janitor) Sweep(ctx context.Context, o Options) (Result, error) {
	if j.Instance == "" {
		return Result{}, errors.New("cannot sweep: this installation has no name, and so everything would look like another's")
	}
	if o.OlderThan < 0 {
		return Result{}, fmt.Errorf("cannot sweep what expired longer ago than %s: a time span is at least 0", o.OlderThan)
	}
	var result Result
	var wrong []error
	for _, place := range j.Places {
		if err := j.sweepPlace(ctx, place, o, &result); err != nil {
			wrong = append(wrong, err)
		}
	}
	if n := result.Count(Left); n > 0 {
		wrong = append(wrong, fmt.Errorf("cannot remove %d of %d objects", n, n+result.Count(Removed)))
	}
	return result, errors.Join(wrong...)
}

func (j *Janitor) sweepPlace(ctx context.Context, place app.Place, o Options, result *Result) error {
	objects, err := place.Objects(ctx)
	if err != nil {
		return fmt.Errorf("cannot list what exists: %w", err)
	}
	tried := map[key]error{}
	for round := range rounds {
		attempted := 0
		for _, d := range j.round(ctx, place, objects, o) {
			switch k := keyOf(d.object); {
			case d.fate == Kept:
				delete(tried, k)
			case d.fate == Removed:
				attempted++
				tried[k] = d.err
			}
			result.set(d.object, d.fate, d.why)
		}
		if attempted == 0 {
			return nil
		}
		if objects, err = place.Objects(ctx); err != nil {
			for k := range tried {
				result.leave(k, errors.New("nobody can say whether it is gone"))
			}
			return fmt.Errorf("cannot list what is left: %w", err)
		}
		objects = slices.DeleteFunc(objects, func(o app.Object) bool { _, again := tried[keyOf(o)]; return !again })
		maps.DeleteFunc(tried, func(k key, _ error) bool {
			return !slices.ContainsFunc(objects, func(o app.Object) bool { return keyOf(o) == k })
		})
		if len(objects) == 0 {
			return nil
		}
		if round < rounds-1 {
			_ = pause.For(ctx, roundPause, nil)
		}
	}
	for _, object := range objects {
		j.logger().Error("something outlives the janitor", "run", object.Labels.Run, "kind", object.Kind, "id", object.ID, "err", tried[keyOf(object)])
		result.leave(keyOf(object), tried[keyOf(object)])
	}
	return nil
}

// deed is what was done about an object.
type deed struct {
	object app.Object
	fate   Fate
	why    string
	err    error // of the removal
}

// round judges every object, and removes at once what is to go: its owner may change.
// What was made last is listed last, and goes first, a program before its folder; of
// several runs, at the same time.
func (j *Janitor) round(ctx context.Context, place app.Place, objects []app.Object, o Options) []deed {
	deeds := make([]deed, len(objects))
	runs := map[run.ID][]int{}
	for i, object := range slices.Backward(objects) {
		runs[object.Labels.Run] = append(runs[object.Labels.Run], i)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, its := range runs {
		group.Go(func() error {
			for _, i := range its {
				d := deed{object: objects[i], fate: Kept}
				var remove bool
				remove, d.why = j.judge(ctx, objects[i], o)
				switch {
				case remove && o.DryRun:
					d.fate = WouldRemove
				case remove:
					d.fate, d.err = Removed, j.remove(ctx, place, objects[i])
				}
				deeds[i] = d
			}
			return nil
		})
	}
	_ = group.Wait() // it has no errors of its own
	slices.Reverse(deeds)
	return deeds
}

func (j *Janitor) remove(ctx context.Context, place app.Place, object app.Object) error {
	ctx, cancel := context.WithTimeout(ctx, oneRemoval)
	defer cancel()
	j.logger().Info("removing", "run", object.Labels.Run, "kind", object.Kind, "id", object.ID)
	return place.Remove(ctx, object)
}

func (j *Janitor) logger() *slog.Logger {
	if j.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return j.Log
}
