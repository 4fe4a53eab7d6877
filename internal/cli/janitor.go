package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/app"
	"seatrial/harness/janitor"
	"seatrial/harness/run"
	"seatrial/internal/perform"
	"seatrial/internal/state"
)

type janitorCommand struct {
	DryRun    bool          `help:"Only say what would be removed."`
	OlderThan time.Duration `help:"Remove only what expired longer ago than this, such as 30m or 24h." placeholder:"DURATION"`
	Nomad     bool          `help:"Also clean up the Nomad cluster: its apps and leases, and what its runs left on this node."`
	nomadOptions
	dockerOptions
}

func (janitorCommand) Help() string {
	return "It removes what carries the labels of a run that is over, as its own journal says or, with --nomad, the cluster. " +
		"Where nobody can be asked, everything is kept. seatrial nomad setup makes it run on every node. " + nomadHelp
}

func (c *janitorCommand) Run(ctx context.Context, g *Globals, s streams) error {
	instance, err := g.folder().Instance()
	if err != nil {
		return err
	}
	work, err := g.folder().Work()
	if err != nil {
		return err
	}
	runs, err := g.folder().Own(state.RunsDir)
	if err != nil {
		return err
	}
	owners, done, err := g.owners(ctx)
	if err != nil {
		return err
	}
	defer done()
	engine, err := perform.Engine(ctx, dispatch.Settings{Docker: c.Docker})
	if err != nil {
		return err
	}
	j := janitor.Janitor{Instance: instance, Places: append(g.localPlaces(work, runs, instance), perform.EnginePlaces(engine)...), Owners: owners, Abandoned: g.folder().Abandoned, Now: time.Now, Log: g.logger(s.Err)}
	result, err := j.Sweep(ctx, janitor.Options{DryRun: c.DryRun, OlderThan: c.OlderThan})
	if err == nil && !c.DryRun && c.OlderThan == 0 {
		g.folder().ForgetAbandoned()
	}
	for _, line := range result.Lines() {
		fmt.Fprintln(s.Out, printable(line))
	}
	if c.Nomad {
		err = errors.Join(err, c.sweepCluster(ctx, g, s, work))
	}
	return err
}

// owners answer for this installation's runs. Without a journal nobody does: then no
// bridge has ever run here. A journal that cannot be read is an error, because its
// runs may live.
func (g *Globals) owners(ctx context.Context) (owners janitor.Owners, done func(), err error) {
	if !g.folder().Exists(state.JournalFile) {
		return nobody{}, func() {}, nil
	}
	db, err := g.journalOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	return janitor.JournalOwners{Journal: db}, func() { db.Close() }, nil
}

// localPlaces are places without what the runs of a cluster made on this machine.
func (g *Globals) localPlaces(work, runs, instance string) []app.Place {
	var local []app.Place
	for _, place := range perform.Places(work, runs, instance) {
		local = append(local, perform.Records(g.folder()).Others(place))
	}
	return local
}

// nobody answers for any run. What other installations and runs without a forge
// made is left alone all the same, until it expires.
type nobody struct{}

func (nobody) Owner(context.Context, run.ID) (live, found bool, err error) { return false, false, nil }
