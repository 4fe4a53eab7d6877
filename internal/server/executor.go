package server

import (
	"context"
	"log/slog"
	"os/exec"
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
	"seatrial/internal/exit"
	"seatrial/internal/perform"
	"seatrial/internal/state"
	"seatrial/recipes"
)

// executor is where runs are performed, and what can be said about it before one is started.
type executor struct {
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
	run      func(ctx context.Context) error // keeps what is known about the place fresh; may be nil
	log      joblog.Source                   // what an attempt's job printed; may be nil
	nodes    func() cluster.Snapshot         // nil on one machine
}

// newExecutor joins what the operator chose.
func (sv *Server) newExecutor(ctx context.Context, instance, work string) (*executor, error) {
	if sv.Executor == Nomad {
		return sv.nomadExecutor(instance)
	}
	return sv.localExecutor(ctx, instance, work)
}

// localExecutor is this machine.
func (sv *Server) localExecutor(ctx context.Context, instance, work string) (*executor, error) {
	mirrors, err := sv.State.Own(state.MirrorsDir)
	if err != nil {
		return nil, err
	}
	copies, err := sv.State.Own(state.PrivateDir)
	if err != nil {
		return nil, err
	}
	program, err := sv.keepProgram(ctx)
	if err != nil {
		return nil, err
	}
	x := &executor{
		instance: instance, copies: copies, objects: append(perform.Places(work, sv.runs, instance), perform.EnginePlaces(sv.docker)...),
		offers: func() [][]string { return [][]string{sv.Offers} }, obstacle: sv.localObstacle, cannotIsolate: isolation(sv.Log),
	}
	if sv.docker != nil {
		folder := sv.State.Path(state.ScratchDir)
		x.preparer = images{engine: sv.docker, mirrors: mirrors, copies: copies, work: folder, domain: sv.Settings.Domain, log: sv.Log}
		x.prepares = func(e recipes.Enrolment) bool { return e.Target == recipes.TargetSwarm }
	}
	x.dispatcher, err = local.New(local.Config{
		Root: sv.runs, Instance: instance, Copies: copies, Settings: sv.Settings, Command: func(folder string) *exec.Cmd { return sv.Harness(program, folder) }, Places: x.objects, Now: time.Now, Log: sv.Log, Enrolment: sv.enrolment,
	})
	return x, err
}

// localObstacle says what takes a cluster, or an engine that was not named.
func (sv *Server) localObstacle(_ context.Context, e recipes.Enrolment) (admission.Obstacle, error) {
	what := ""
	switch {
	case e.Target == recipes.TargetNomad:
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

// nomadExecutor is a cluster.
func (sv *Server) nomadExecutor(instance string) (*executor, error) {
	access := sv.cluster
	x := &executor{instance: cluster.Instance(instance), cannotFetch: noPrivate, objects: []app.Place{nomadapp.NewPlace(access.Client, access.Namespaces)}}
	d, err := nomad.New(nomad.Config{
		Client: access.Client, Namespaces: access.Namespaces, Instance: instance, Root: sv.runs, Enrolment: sv.enrolment,
		PublicURL: sv.PublicURL, Domain: sv.Settings.Domain, Places: x.objects, PlaceWithin: sv.Nomad.PlaceWithin, Now: time.Now, Log: sv.Log,
	})
	if err != nil {
		return nil, exit.With(exit.Configuration, err)
	}
	x.dispatcher, x.offers, x.log, x.nodes = d, d.Offers, d.Logs, d.Nodes
	x.obstacle = func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error) {
		if e.Target == recipes.TargetSwarm {
			return noSwarm, nil
		}
		why, next, err := d.CannotDispatch(ctx, e)
		return admission.Obstacle{Why: why, Next: next}, err
	}
	x.run = func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return d.Run(ctx) })
		group.Go(func() error { return sv.lookAgain(ctx) })
		group.Go(func() error { return sv.sayObstacles(ctx) })
		return group.Wait()
	}
	return x, nil
}

// Why a Co-op Cloud recipe cannot be tested by this installation.
var (
	noDocker = admission.Obstacle{
		Why:  "This recipe is a Co-op Cloud recipe, and this installation has no Docker Engine to deploy it on.",
		Next: "An operator can start the server with --docker and the address of an engine in swarm mode. Then comment again.",
	}
	noSwarm = admission.Obstacle{
		Why:  "This recipe is a Co-op Cloud recipe, and this installation sends its runs to a Nomad cluster.",
		Next: "Co-op Cloud recipes are tested by a server that runs everything on its own machine: --dispatch local and --docker.",
	}
)

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

// lookAgainEvery is how long what waits may not notice that a node offers more.
const lookAgainEvery = 10 * time.Second

// lookAgain has what waits compared with what nodes offer by now.
func (sv *Server) lookAgain(ctx context.Context) error {
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
func (sv *Server) sayObstacles(ctx context.Context) error {
	for _, e := range sv.enrolments.Book().Enrolments {
		found, err := sv.executor.obstacle(ctx, e)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			sv.Log.Error("the cluster cannot be examined; seatrial nomad doctor says more", "err", err)
			return nil
		case found.Why != "":
			sv.Log.Warn("the cluster does not take a recipe's runs", "recipe", e.Name, "why", found.Why, "next", found.Next)
		}
	}
	return nil
}
