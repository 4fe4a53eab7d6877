package perform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness"
	"seatrial/harness/app"
	nomadapp "seatrial/harness/app/nomad"
	"seatrial/harness/app/process"
	"seatrial/harness/app/swarm"
	"seatrial/harness/gateway"
	"seatrial/recipes"
)

// Places are where this machine's runs leave things.
func Places(work, runs, instance string) []app.Place {
	return []app.Place{process.NewPlace(work, instance), local.Place{Root: runs}}
}

// EnginePlaces are what the janitor looks at on an engine, if there is one.
func EnginePlaces(e *swarm.Engine) []app.Place {
	if e == nil {
		return nil
	}
	return []app.Place{swarm.Place{Engine: e}}
}

// apps makes the apps of an attempt: the recipe's own and those that it depends on.
type apps struct {
	*Performer
	work, temp, cache string
	own               app.App // nil until it was made
}

// new prepares a deployer for what the enrolment is deployed on.
func (a *apps) new(_ context.Context, c harness.AppConfig) (made app.App, err error) {
	switch c.Enrolment.Target {
	case recipes.TargetNomad:
		made, err = a.Allocation.newApp(c)
	case recipes.TargetSwarm:
		made, err = a.newSwarm(c)
	default:
		made, err = process.New(process.Config{
			Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL, Enrolment: c.Enrolment, WorkRoot: a.work,
			Isolate: a.Isolate && !c.Trusted, UID: userOf(c.Label), Share: a.Job.Settings.Share, BuildEnv: a.Job.Settings.BuildEnv, Cache: a.cache, Log: c.Log,
		})
	}
	if err == nil && c.Label == a.Job.Request.ID.Label(a.Job.Request.Recipe) {
		a.own = made
	}
	return made, err
}

// userBase is where the user ids of isolated apps begin: far above people and
// services.
const userBase = 0x4000_0000

// userOf is the user id of an app: the six digits of its label, which no two
// living runs share.
func userOf(label string) int {
	n, err := strconv.ParseInt(label[strings.LastIndexByte(label, '-')+1:], 16, 32)
	if err != nil {
		panic(fmt.Sprintf("the label %q ends in no number", label))
	}
	return userBase + int(n)
}

// newSwarm prepares a deployer for a Co-op Cloud recipe.
func (a *apps) newSwarm(c harness.AppConfig) (app.App, error) {
	if a.engine == nil {
		return nil, errors.New("this recipe is a Co-op Cloud recipe: name the Docker Engine in swarm mode that it is deployed on, with --docker")
	}
	return swarm.New(swarm.Config{
		Engine: a.engine, Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL, Enrolment: c.Enrolment, Network: sharedNetwork(a.Job, c),
		Scratch: a.temp, Log: c.Log,
	})
}

// sharedNetwork is the network in which an app is reached; empty for one of its own.
func sharedNetwork(job dispatch.Job, c harness.AppConfig) string {
	if job.Settings.Traefik != "" {
		return swarm.SharedProxy // in which that Traefik looks for apps
	}
	if len(job.Deps) > 0 {
		// What is deployed first, and destroyed last, has the network of them all.
		for _, s := range c.Siblings {
			if s.Name == job.Deps[0].Name {
				return swarm.ProxyName(s.Label)
			}
		}
	}
	return ""
}

// newApp prepares a deployer for a job file, beside this task on its node.
func (a *Allocation) newApp(c harness.AppConfig) (app.App, error) {
	if a == nil {
		return nil, errors.New("this recipe is a Nomad job file: it is tested by a server that dispatches to a Nomad cluster, seatrial serve --dispatch nomad")
	}
	return nomadapp.New(nomadapp.Config{
		Client: a.client, Namespaces: a.namespaces, NodeID: a.nodeID, Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL,
		Enrolment: c.Enrolment, Trusted: c.Trusted, Log: c.Log,
	})
}

// front opens what leads to an app: a gateway of the run's own, or what watches the swarm.
func (p *Performer) front(host string, dial harness.Dial) (harness.Front, error) {
	if traefik := p.Job.Settings.Traefik; traefik != "" && p.Job.Enrolment.Target == recipes.TargetSwarm {
		return gateway.Behind(traefik, host, p.cert != nil || strings.HasPrefix(p.baseURL, "https://"), p.cert)
	}
	at := cmp.Or(p.gateway, gateway.FreeLoopback)
	p.gateway = "" // it is taken; the gateways of dependencies are where there is room
	return gateway.ListenTLS(at, host, gateway.Dial(dial), p.cert, p.Log)
}
