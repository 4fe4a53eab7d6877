package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"seatrial/harness/app"
	nomadapp "seatrial/harness/app/nomad"
	"seatrial/harness/app/process"
	"seatrial/harness/cluster"
	"seatrial/harness/janitor"
	"seatrial/harness/run"
)

// attemptsDir holds, in a node's state folder, a record of each attempt that it was
// given by a cluster.
const attemptsDir = "attempts"

func (g *Globals) records() cluster.Records {
	return cluster.Records{Dir: filepath.Join(g.State, attemptsDir)}
}

// sweepCluster sweeps what a cluster's runs left, on it and on this node. The cluster
// answers for its runs, whichever installation dispatched them.
func (c *janitorCommand) sweepCluster(ctx context.Context, g *Globals, s streams, work string) error {
	log := g.logger(s.Err)
	access, err := c.access(log)
	if err != nil {
		return err
	}
	records, owners := g.records(), cluster.Owners{Client: access.client, Namespaces: access.namespaces}
	here := records.Own(process.NewPlace(work, cluster.Instance("")))
	j := janitor.Janitor{
		Instance: cluster.Instance(""), Ours: cluster.IsInstance, Owners: owners, Now: time.Now, Log: log,
		Places: []app.Place{here, nomadapp.NewPlace(access.client, access.namespaces), cluster.Leases{Client: access.client, Namespaces: access.namespaces}},
	}
	result, err := j.Sweep(ctx, janitor.Options{DryRun: c.DryRun, OlderThan: c.OlderThan})
	for _, line := range result.Lines() {
		fmt.Fprintln(s.Out, printable(line))
	}
	if !c.DryRun {
		err = errors.Join(err, records.Prune(ctx, here, func(ctx context.Context, id run.ID) (bool, error) {
			live, _, err := owners.Owner(ctx, id)
			return live, err
		}))
	}
	return exitWith(exitUnavailable, err)
}
