package stage

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"seatrial/harness/canary"
	"seatrial/harness/run"
	"seatrial/internal/hidden"
	"seatrial/recipes"
)

// planted is the data that must be found again after each change.
type planted struct {
	marks Marks
	vars  map[string]string // what the seed captured
	// expect are the steps that find the seeded data. It is empty where seeding failed,
	// and a step that failed once is left out: its fault was told.
	expect []recipes.Step
	again  []seeded // what was seeded after that
	fresh  bool     // nothing was changed since it was planted
}

// plant seeds the app through its own front door and plants marks behind it. What
// it returns is about the seed. The marks are planted all the same, so that the
// stages after this one have something to look for; where even that is impossible,
// those stages say so.
func (x *exam) plant(ctx context.Context) error {
	x.planted = &planted{vars: map[string]string{}, fresh: true}
	seeded := x.seed(ctx)
	if seeded == nil {
		x.planted.expect = x.Enrolment.Canaries.Expect
	}
	x.say("planting canaries")
	if x.seedError = x.mark(ctx); x.seedError != nil {
		x.planted = nil
		x.Log.Warn("cannot plant canaries", "run", x.Run, "stage", x.current, "err", x.seedError)
	}
	return seeded
}

func (x *exam) seed(ctx context.Context) error {
	for i, step := range x.Enrolment.Canaries.Seed {
		name := stepName(step, i)
		x.say("seeding: %s", name)
		if err := x.step(ctx, step, x.planted.vars); err != nil {
			return after("seeding failed at "+name, err)
		}
	}
	return nil
}

func (x *exam) mark(ctx context.Context) error {
	return within(ctx, lookLimit, "planting canaries", func(ctx context.Context) error {
		marks, err := x.Canaries.Seed(ctx)
		if err != nil {
			return fmt.Errorf("cannot plant canaries: %w", err)
		}
		x.planted.marks = marks
		return nil
	})
}

// look finds everything that was planted again, where it is covered. What vanished
// is told once: the data that is left is marked anew for the stages that follow.
// returned, where it is given, takes out of the places that are not covered those
// whose data is there all the same.
func (x *exam) look(ctx context.Context, covered func(canary.Place) bool, returned func(context.Context, []string) []string) error {
	if x.planted == nil {
		return fmt.Errorf("nothing can be said about the data: %w", x.seedError)
	}
	x.planted.fresh = false
	x.say("looking for the canaries")
	var missing []string
	found := within(ctx, lookLimit, "looking for the canaries", func(ctx context.Context) (err error) {
		missing, err = x.planted.marks.Look(ctx, covered)
		return err
	})
	if returned != nil {
		missing = returned(ctx, missing)
	}
	if len(missing) > 0 {
		x.warn("Not backed up: " + hidden.Blot(strings.Join(missing, ", ")))
	}
	expected := x.expect(ctx)
	if faultIn(found) != nil && ctx.Err() == nil {
		if x.seedError = x.mark(ctx); x.seedError != nil {
			x.planted = nil
		}
	}
	return both(found, expected)
}

// expect does the enrolment's own steps that find the seeded data.
func (x *exam) expect(ctx context.Context) error {
	var all error
	var good []recipes.Step
	for i, step := range x.planted.expect {
		name := stepName(step, i)
		x.say("expecting: %s", name)
		err := x.step(ctx, step, maps.Clone(x.planted.vars))
		if isDeath(err) { // which says nothing about the data
			return both(err, all)
		}
		if faultIn(err) == nil {
			good = append(good, step)
		}
		if err != nil {
			all = both(all, after(fmt.Sprintf("the seeded data is not as expected (%s)", name), err))
		}
	}
	x.planted.expect = good
	return both(all, x.expectAgain(ctx))
}

func (x *exam) step(ctx context.Context, step recipes.Step, vars map[string]string) error {
	return x.orDied(ctx, within(ctx, stepLimit, "on a step of the enrolment", func(ctx context.Context) error {
		return x.Steps.Run(ctx, step, vars)
	}))
}

// strays finds what the app keeps where neither backup nor upgrade finds it. A
// database there is a fault, anything else is worth a word.
func (x *exam) strays(ctx context.Context) error {
	return within(ctx, askLimit, "looking for stray files", func(ctx context.Context) error {
		strays, err := x.App.Strays(ctx)
		if err != nil {
			return fmt.Errorf("cannot look for stray files: %w", err)
		}
		var databases, files []string
		for _, s := range strays {
			line := fmt.Sprintf("%s (%d bytes)", hidden.Blot(s.Path), s.Size)
			if s.Database {
				databases = append(databases, line)
			} else {
				files = append(files, line)
			}
		}
		if len(files) > 0 {
			const shown = 10
			more := ""
			if len(files) > shown {
				more = fmt.Sprintf(" and %d more", len(files)-shown)
			}
			x.warn("Written outside the volumes: " + strings.Join(files[:min(len(files), shown)], ", ") + more)
		}
		if len(databases) > 0 {
			return &run.Fault{
				Summary:  "the app keeps a database outside its volumes, where it is lost with the next upgrade",
				Evidence: databases,
				Hint:     "write it to the folder in $DATA_DIR",
			}
		}
		return nil
	})
}

func stepName(s recipes.Step, i int) string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Request != nil:
		method := s.Request.Method
		if method == "" {
			method = "GET"
			if s.Request.Body != "" || s.Request.JSON != nil || len(s.Request.Form) > 0 {
				method = "POST"
			}
		}
		return method + " " + s.Request.Path
	case !s.Exec.IsZero():
		return s.Exec.String()
	default:
		return fmt.Sprintf("step %d", i+1)
	}
}
