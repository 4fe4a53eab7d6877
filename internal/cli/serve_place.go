package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge/admission"
	"seatrial/bridge/attempt"
	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/dashboard/joblog"
	"seatrial/harness/app"
	nomadapp "seatrial/harness/app/nomad"
	"seatrial/harness/app/process"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
)

// The places to which runs go.
const (
	dispatchLocal = "local"
	dispatchNomad = "nomad"
)

// place is where runs go, and what can be said about it before one is started.
type place struct {
	dispatcher dispatch.Dispatcher
	instance   string      // in the labels of what runs make there
	objects    []app.Place // what the janitor looks at from here
	offers     func() [][]string
	copies     string // the folder of private repositories' copies; empty where runs could not read there
	// cannotFetch says why runs of private repositories are refused; empty where they are not.
	cannotFetch admission.Obstacle
	obstacle    func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error)
	// cannotIsolate says why recipes whose code is not trusted are refused.
	cannotIsolate string
	// preparer fetches what the waiting runs need that prepares names; nil: nothing is
	// fetched before a run has its slot.
	preparer attempt.Preparer
	prepares func(e recipes.Enrolment) bool
	run      func(ctx context.Context) error  // keeps what is known about the place fresh; may be nil
	log      joblog.Source                    // what an attempt's job printed; may be nil
	nodes    func() ([]nomad.Node, time.Time) // of the cluster; nil on one machine
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
	mirrors, err := g.stateDir(mirrorsDir, 0o700)
	if err != nil {
		return nil, err
	}
	copies, err := g.stateDir(privateDir, 0o700)
	if err != nil {
		return nil, err
	}
	p := &place{
		instance: instance, copies: copies,
		objects: append(places(work, runs, instance), dockerPlaces(sv.docker)...), offers: func() [][]string { return [][]string{c.Offers} }, obstacle: sv.localObstacle,
		cannotIsolate: isolation(sv.log),
	}
	if sv.docker != nil {
		folder, err := g.stateDir(scratchDir, 0o700)
		if err != nil {
			return nil, err
		}
		p.preparer = images{engine: sv.docker, mirrors: mirrors, copies: copies, work: folder, domain: c.Domain, log: sv.log}
		p.prepares = func(e recipes.Enrolment) bool { return e.Target == recipes.TargetSwarm }
	}
	p.dispatcher, err = local.New(local.Config{
		Root: runs, Instance: instance, Copies: copies, Command: c.harness(self, g), Places: p.objects, Now: time.Now, Log: sv.log, Enrolment: sv.enrolment,
	})
	return p, err
}

// localObstacle says what takes a cluster, or an engine that was not named.
func (sv *server) localObstacle(_ context.Context, e recipes.Enrolment) (admission.Obstacle, error) {
	what := ""
	switch {
	case e.Target == targetNomad:
		what = "This recipe is a Nomad job file"
	case e.Builder != "":
		what = "This recipe's runs go to the Nomad job " + e.Builder
	case e.Image != "":
		what = "This recipe's runs go into the container image " + e.Image + " on a Nomad cluster"
	case e.Target == recipes.TargetSwarm && sv.docker == nil:
		return noDocker, nil
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
	access := sv.cluster
	p := &place{instance: cluster.Instance(instance), cannotFetch: noPrivate, objects: []app.Place{nomadapp.NewPlace(access.client, access.namespaces)}}
	d, err := nomad.New(nomad.Config{
		Client: access.client, Namespaces: access.namespaces, Instance: instance, Root: runs, Enrolment: sv.enrolment,
		PublicURL: c.PublicURL, Domain: c.Domain, Places: p.objects, PlaceWithin: c.PlaceWithin, Now: time.Now, Log: sv.log,
	})
	if err != nil {
		return nil, exitWith(exitConfiguration, err)
	}
	p.dispatcher, p.offers, p.log, p.nodes = d, d.Offers, d.Logs, d.Nodes
	p.obstacle = func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error) {
		if e.Target == recipes.TargetSwarm {
			return noSwarm, nil
		}
		why, next, err := d.CannotDispatch(ctx, e)
		return admission.Obstacle{Why: why, Next: next}, err
	}
	p.run = func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return access.keep(ctx, sv.log) })
		group.Go(func() error { return d.Run(ctx) })
		group.Go(func() error { return sv.lookAgain(ctx) })
		group.Go(func() error { return sv.sayObstacles(ctx) })
		return group.Wait()
	}
	return p, nil
}

// noPrivate is said where runs happen on other machines: the copy lies on this one, and
// the token goes to none.
var noPrivate = admission.Obstacle{
	Why:  "This repository is private, and the runs of this installation happen on a cluster, whose nodes are given no token to fetch it with.",
	Next: "An operator can serve it from an installation that runs everything on its own machine, or make the repository public. Then comment again.",
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

// enrolments are those in files and, where runs go to a cluster, in its variables.
func (c *serveCommand) enrolments(ctx context.Context, sv *server) (nomadvars.Files, error) {
	var files nomadvars.Files
	files, err := recipes.Watch(c.Tests, sv.log)
	if errors.Is(err, fs.ErrNotExist) && sv.cluster != nil {
		files, err = noFiles{}, nil
	}
	if err != nil {
		return nil, exitWith(exitConfiguration, fmt.Errorf("%w (name the folder of the enrolments with --tests)", err))
	}
	if sv.cluster == nil {
		return files, nil
	}
	return nomadvars.Watch(ctx, files, sv.cluster.client, sv.cluster.namespaces.Runs, sv.log), nil
}

// noFiles are the enrolments in a folder that is not there.
type noFiles struct{}

func (noFiles) Book() *recipes.Book       { return &recipes.Book{} }
func (noFiles) Run(context.Context) error { return nil }
func (noFiles) Reload() error             { return nil }

// lookAgainEvery is how long what waits may not notice that a node offers more.
const lookAgainEvery = 10 * time.Second

// lookAgain has what waits compared with what nodes offer by now.
func (sv *server) lookAgain(ctx context.Context) error {
	tick := time.NewTicker(lookAgainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			sv.queue.Look()
		}
	}
}

// sayObstacles tells the operator at the start what nobody has asked for yet: which
// recipes the cluster would not take, and why.
func (sv *server) sayObstacles(ctx context.Context) error {
	for _, e := range sv.enrolments.Book().Enrolments {
		found, err := sv.place.obstacle(ctx, e)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			sv.log.Error("the cluster cannot be examined; seatrial nomad doctor says more", "err", err)
			return nil
		case found.Why != "":
			sv.log.Warn("the cluster does not take a recipe's runs", "recipe", e.Name, "why", found.Why, "next", found.Next)
		}
	}
	return nil
}

// prepares says whether a waiting run has to be prepared.
func (sv *server) prepares(r run.Request) bool {
	if sv.place.preparer == nil {
		return false
	}
	e, ok := sv.enrolment(r.Recipe)
	return ok && sv.place.prepares(e)
}

// enrolment finds a recipe's settings as they are now.
func (sv *server) enrolment(name string) (recipes.Enrolment, bool) {
	return sv.enrolments.Book().ByName(name)
}
