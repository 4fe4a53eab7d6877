package stage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"seatrial/recipes"
)

// seeded is data that was put in after the first, under other names, and what finds it.
type seeded struct {
	expect []recipes.Step
	vars   map[string]string
}

// plantAgain puts more data into an app that was changed since it was planted, so that the
// next change meets one that is at work: through its front door where the seed can be said
// in other words, and by marks of ours. What the app does not take a second time is worth a
// word, no more.
func (x *exam) plantAgain(ctx context.Context, when string) {
	if x.planted == nil || x.planted.fresh || ctx.Err() != nil {
		return
	}
	x.say("planting once more, %s", when)
	x.seedAgain(ctx)
	if ctx.Err() != nil {
		return
	}
	if x.seedError = x.mark(ctx); x.seedError != nil {
		x.planted = nil // half of the old marks may be gone
		return
	}
	x.planted.fresh = true
}

// seedAgain does the seed's steps that can be said in other words, and the expectations
// that go with them.
func (x *exam) seedAgain(ctx context.Context) {
	c := x.Enrolment.Canaries
	if x.onceOnly || len(x.planted.expect) < len(c.Expect) {
		return // it is refused, or some of it was lost already
	}
	seed, expect := otherWords(c, 2+len(x.planted.again))
	if len(seed) == 0 {
		return
	}
	// What is gone before anything was done is not gone because of us.
	if x.holds(ctx) != "" {
		return
	}
	s := seeded{vars: maps.Clone(x.planted.vars)}
	for i, step := range seed {
		name := stepName(step, i)
		x.say("seeding once more: %s", name)
		if err := x.step(ctx, step, s.vars); err != nil {
			if ctx.Err() == nil {
				x.onceOnly = true
				x.warn(fmt.Sprintf("The app is seeded once only, because it does not take the seed a second time in other words (%s): %s", name, err))
			}
			break
		}
	}
	if !x.onceOnly {
		for _, step := range expect {
			if x.step(ctx, step, maps.Clone(s.vars)) == nil {
				s.expect = append(s.expect, step)
			}
		}
		x.planted.again = append(x.planted.again, s)
	}
	if lost := x.holds(ctx); lost != "" && x.alive(ctx) == nil && ctx.Err() == nil {
		x.onceOnly = true
		x.warn(fmt.Sprintf("Once there is more than one seed in the app, this no longer finds the first one, and is not asked any more: %s", lost))
		x.planted.expect = slices.DeleteFunc(slices.Clone(x.planted.expect), func(step recipes.Step) bool {
			return faultIn(x.step(ctx, step, maps.Clone(x.planted.vars))) != nil
		})
	}
}

// holds names the first expectation that is not met, or nothing.
func (x *exam) holds(ctx context.Context) string {
	for i, step := range x.planted.expect {
		if faultIn(x.step(ctx, step, maps.Clone(x.planted.vars))) != nil {
			return stepName(step, i)
		}
	}
	return ""
}

// expectAgain looks for what was seeded after the first.
func (x *exam) expectAgain(ctx context.Context) error {
	var all error
	for n := range x.planted.again {
		s := &x.planted.again[n]
		s.expect = slices.DeleteFunc(s.expect, func(step recipes.Step) bool {
			err := x.step(ctx, step, maps.Clone(s.vars))
			if err != nil && !isDeath(err) {
				err = after(fmt.Sprintf("what was seeded once more is not as expected (%s)", stepName(step, n)), err)
			}
			all = both(all, err)
			return faultIn(err) != nil && !isDeath(err)
		})
	}
	return all
}
