package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/pause"
)

// deathLag is how long the end of a service may stay unnoticed by its platform: whoever
// gets no answer asks for so long whether that is why.
const deathLag = 3 * time.Second

// died is a fault that tells how a service ended. It is told in place of what follows from it.
type died struct{ *run.Fault }

func (d died) Unwrap() error { return d.Fault }

func isDeath(err error) bool {
	_, ok := err.(died)
	return ok
}

// alive is nil while every service runs that is to run.
func (x *exam) alive(ctx context.Context) error {
	err := within(ctx, askLimit, "asking whether the app lives", x.App.Alive)
	if f := faultIn(err); f != nil && ctx.Err() == nil {
		return died{f}
	}
	return err
}

// orDied tells that a service ended, if that is why something failed that the app was asked.
func (x *exam) orDied(ctx context.Context, err error) error {
	f := faultIn(err)
	if f == nil || ctx.Err() != nil || isDeath(err) {
		return err
	}
	healthy := x.probe(ctx).healthy
	for asked := time.Now(); ; {
		if end := x.alive(ctx); isDeath(end) {
			told := *faultIn(end)
			told.Evidence = append(slices.Clone(told.Evidence), "Seen first: "+f.Summary)
			return died{&told}
		}
		if healthy || time.Since(asked) > deathLag || pause.For(ctx, slowestPoll, nil) != nil {
			return err
		}
	}
}

// awaitUp waits for an app that was brought up, and remembers by what it runs.
func (x *exam) awaitUp(ctx context.Context) error {
	if err := x.awaitHealthy(ctx); err != nil {
		return err
	}
	x.healthySince, x.lives = time.Now(), nil
	l, ok := x.App.(app.Lives)
	if !ok {
		return nil
	}
	return within(ctx, askLimit, "asking by what the app runs", func(ctx context.Context) (err error) {
		x.lives, err = l.Lives(ctx)
		return err
	})
}

// stands closes a stage that leaves the app up: every service lives, none was started
// anew since the app came up, and the app answers well. found is what the stage found
// besides, which a death explains.
func (x *exam) stands(ctx context.Context, s run.Stage, found error) error {
	err := x.alive(ctx)
	if err == nil {
		err = x.sameLives(ctx)
	}
	if err == nil {
		err = x.answersWell(ctx)
	}
	if err != nil {
		x.wentDown(s)
	}
	return both(err, found)
}

// sameLives finds a service that ended and was started anew by its platform.
func (x *exam) sameLives(ctx context.Context) error {
	l, ok := x.App.(app.Lives)
	if !ok || len(x.lives) == 0 {
		return nil
	}
	var now []app.Life
	err := within(ctx, askLimit, "asking by what the app runs", func(ctx context.Context) (err error) {
		now, err = l.Lives(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var gone, evidence []string
	for _, life := range x.lives {
		if slices.Contains(now, life) {
			continue
		}
		if !slices.Contains(gone, life.Service) {
			gone = append(gone, life.Service)
		}
		evidence = append(evidence, fmt.Sprintf("%s ran as %s, which is gone", life.Service, life.ID))
	}
	if len(gone) == 0 {
		return nil
	}
	return died{&run.Fault{Summary: strings.Join(gone, " and ") + " ended and was started anew, and nobody had asked for that", Evidence: evidence}}
}

// answersWell asks the app for its health. One bad answer may be a hiccup of this machine.
func (x *exam) answersWell(ctx context.Context) error {
	var seen answers
	for {
		last := x.probe(ctx)
		switch {
		case seen.add(last):
			return x.orDied(ctx, x.verdictOn(&seen, "is no longer healthy"))
		case seen.good > seen.bad():
			return x.verdictOn(&seen, "")
		}
		if err := pause.For(ctx, steadyPoll, nil); err != nil {
			return err
		}
		if err := x.alive(ctx); err != nil {
			return err
		}
	}
}

// services is how many services the app has, as far as its deployer tells.
func (x *exam) services() int {
	var names []string
	for _, life := range x.lives {
		if !slices.Contains(names, life.Service) {
			names = append(names, life.Service)
		}
	}
	return len(names)
}
