package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge/admission"
	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/app"
	nomadapp "seatrial/harness/app/nomad"
	"seatrial/harness/app/process"
	"seatrial/recipes"
)

// The places to which runs go.
const (
	dispatchLocal = "local"
	dispatchNomad = "nomad"
)

// place is where runs go, and what can be said about it before one is started.
type place struct {
	dispatcher dispatch.Dispatcher
	objects    []app.Place // what the janitor looks at from here
	offers     func() [][]string
	obstacle   func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error)
	// cannotIsolate says why recipes whose code is not trusted are refused.
	cannotIsolate string
	run           func(ctx context.Context) error // keeps what is known about the place fresh; may be nil
}

// place joins what --dispatch asks for.
func (c *serveCommand) place(ctx context.Context, g *Globals, sv *server, instance, work, runs string) (*place, error) {
	if c.Dispatch == dispatchNomad {
		return c.nomadPlace(ctx, sv, instance, runs)
	}
	return c.localPlace(g, sv, instance, work, runs)
}

// localPlace is this machine.
func (c *serveCommand) localPlace(g *Globals, sv *server, instance, work, runs string) (*place, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &place{
		objects: places(work, runs, instance), offers: func() [][]string { return [][]string{c.Offers} }, obstacle: localObstacle,
		cannotIsolate: isolation(sv.log),
	}
	p.dispatcher, err = local.New(local.Config{
		Root: runs, Instance: instance, Command: c.harness(self, g), Places: p.objects, Now: time.Now, Log: sv.log, Enrolment: sv.enrolment,
	})
	return p, err
}

// localObstacle says what takes a cluster.
func localObstacle(_ context.Context, e recipes.Enrolment) (admission.Obstacle, error) {
	what := ""
	switch {
	case e.Target == targetNomad:
		what = "This recipe is a Nomad job file"
	case e.Builder != "":
		what = "This recipe's runs go to the Nomad job " + e.Builder
	case e.Image != "":
		what = "This recipe's runs go into the container image " + e.Image + " on a Nomad cluster"
	default:
		return admission.Obstacle{}, nil
	}
	return admission.Obstacle{
		Why:  what + ", and this installation runs everything on its own machine.",
		Next: "An operator can start the server with --dispatch nomad, or change the recipe's enrolment. Then comment again.",
	}, nil
}

// nomadPlace is a cluster.
func (c *serveCommand) nomadPlace(ctx context.Context, sv *server, instance, runs string) (*place, error) {
	access, err := c.access(sv.log)
	if err != nil {
		return nil, err
	}
	p := &place{objects: []app.Place{nomadapp.NewPlace(access.client, access.namespaces)}}
	d, err := nomad.New(nomad.Config{
		Client: access.client, Namespaces: access.namespaces, Instance: instance, Root: runs, Enrolment: sv.enrolment,
		PublicURL: c.PublicURL, Domain: c.Domain, Places: p.objects, PlaceWithin: c.PlaceWithin, Now: time.Now, Log: sv.log,
	})
	if err != nil {
		return nil, exitWith(exitConfiguration, err)
	}
	p.dispatcher, p.offers = d, d.Offers
	p.obstacle = func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error) {
		why, next, err := d.CannotDispatch(ctx, e)
		return admission.Obstacle{Why: why, Next: next}, err
	}
	p.run = func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return access.keep(ctx, sv.log) })
		group.Go(func() error { return d.Run(ctx) })
		return group.Wait()
	}
	return p, nil
}

// isolation says why this machine cannot isolate code, or nothing.
func isolation(log *slog.Logger) string {
	err := process.CheckIsolation()
	if err == nil {
		return ""
	}
	log.Warn("this host cannot isolate: only recipes whose enrolment trusts their code will run", "why", err)
	return err.Error()
}

// enrolment finds a recipe's settings as they are now.
func (sv *server) enrolment(name string) (recipes.Enrolment, bool) {
	return sv.enrolments.Book().ByName(name)
}
