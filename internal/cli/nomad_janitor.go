package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/harness/app"
	nomadapp "seatrial/harness/app/nomad"
	"seatrial/harness/app/process"
	"seatrial/harness/cluster"
	"seatrial/harness/janitor"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/perform"
)

// sweepCluster sweeps what a cluster's runs left, on it and on this node. The cluster
// answers for its runs, whichever installation dispatched them.
func (c *janitorCommand) sweepCluster(ctx context.Context, g *Globals, s streams, work string) error {
	log := g.logger(s.Err)
	access, err := c.access(log)
	if err != nil {
		return err
	}
	records, owners := perform.Records(g.folder()), cluster.Owners{Client: access.Client, Namespaces: access.Namespaces}
	here := records.Own(process.NewPlace(work, cluster.Instance("")))
	j := janitor.Janitor{
		Instance: cluster.Instance(""), Ours: cluster.IsInstance, Owners: owners, Now: time.Now, Log: log,
		Places: []app.Place{here, nomadapp.NewPlace(access.Client, access.Namespaces), cluster.Leases{Client: access.Client, Namespaces: access.Namespaces}},
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
	return exit.With(exit.Unavailable, err)
}
