package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"seatrial/bridge/dispatch/local"
	"seatrial/harness/app"
	"seatrial/harness/app/process"
	"seatrial/harness/janitor"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

type janitorCommand struct {
	DryRun    bool          `help:"Only say what would be removed."`
	OlderThan time.Duration `help:"Remove only what expired longer ago than this, such as 30m or 24h." placeholder:"DURATION"`
	Nomad     bool          `help:"Look after the Nomad cluster too: its apps and leases, and what its runs left on this node."`
	nomadOptions
	dockerOptions
}

// Help is shown below the summary.
func (janitorCommand) Help() string {
	return "What it removes carries labels that name a run, and the run is over: its own journal says so, or with --nomad the cluster. " +
		"What cannot be asked about is kept. seatrial nomad setup has it run on every node. " + nomadHelp
}

func (c *janitorCommand) Run(ctx context.Context, g *Globals, s streams) error {
	instance, err := g.instance()
	if err != nil {
		return err
	}
	work, err := g.stateDir(workDir, 0o711)
	if err != nil {
		return err
	}
	runs, err := g.stateDir(runsDir, 0o700)
	if err != nil {
		return err
	}
	owners, done, err := g.owners(ctx)
	if err != nil {
		return err
	}
	defer done()
	engine, err := c.connect(ctx, "")
	if err != nil {
		return err
	}
	j := janitor.Janitor{Instance: instance, Places: append(g.localPlaces(work, runs, instance), dockerPlaces(engine)...), Owners: owners, Now: time.Now, Log: g.logger(s.Err)}
	result, err := j.Sweep(ctx, janitor.Options{DryRun: c.DryRun, OlderThan: c.OlderThan})
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
	if _, err := os.Stat(filepath.Join(g.State, journalFile)); errors.Is(err, fs.ErrNotExist) {
		return nobody{}, func() {}, nil
	}
	db, err := g.journalOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	return journalOwners{db}, func() { db.Close() }, nil
}

// localPlaces are places without what the runs of a cluster made on this machine.
func (g *Globals) localPlaces(work, runs, instance string) []app.Place {
	var local []app.Place
	for _, place := range places(work, runs, instance) {
		local = append(local, g.records().Others(place))
	}
	return local
}

// places are where this machine's runs leave things.
func places(work, runs, instance string) []app.Place {
	return []app.Place{process.NewPlace(work, instance), local.Place{Root: runs}}
}

// journalOwners asks the journal whether a run still lives.
type journalOwners struct{ journal journal.Reader }

func (o journalOwners) Owner(ctx context.Context, id run.ID) (live, found bool, err error) {
	report, err := o.journal.Report(ctx, id)
	if errors.Is(err, journal.ErrUnknownRun) {
		return false, false, nil
	}
	return report.State != run.Ended, err == nil, err
}

// nobody answers for any run. What other installations and runs without a forge
// made is left alone all the same, until it expires.
type nobody struct{}

func (nobody) Owner(context.Context, run.ID) (live, found bool, err error) { return false, false, nil }
