package cli

import (
	"errors"

	"seatrial/harness"
	"seatrial/harness/app"
	nomadapp "seatrial/harness/app/nomad"
	"seatrial/harness/run"
)

// targetNomad is the deployer of recipes that are Nomad job files, as enrolments name it.
const targetNomad = "nomad"

// where is what the allocation adds to the started event. Nothing, on one machine.
func (a *allocation) where() run.Started {
	if a == nil {
		return run.Started{}
	}
	return run.Started{Job: a.job, Alloc: a.id, Node: a.node}
}

// newApp prepares a deployer for a job file, beside this task on its node.
func (a *allocation) newApp(c harness.AppConfig) (app.App, error) {
	if a == nil {
		return nil, errors.New("this recipe is a Nomad job file: it is tested by a server that dispatches to a Nomad cluster, seatrial serve --dispatch nomad")
	}
	return nomadapp.New(nomadapp.Config{
		Client: a.client, Namespaces: a.namespaces, NodeID: a.nodeID, Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL,
		Enrolment: c.Enrolment, Trusted: c.Trusted, Log: c.Log,
	})
}
