package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/process"
	"seatrial/harness/janitor"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

type janitorCommand struct {
	DryRun    bool          `help:"Only say what would be removed."`
	OlderThan time.Duration `help:"Only what expired longer ago than this." placeholder:"30m"`
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
	db, err := g.journalOf(ctx)
	var owners janitor.Owners = nobody{}
	if err == nil {
		defer db.Close()
		owners = journalOwners{db}
	}
	j := janitor.Janitor{Instance: instance, Places: []app.Place{process.NewPlace(work, instance)}, Owners: owners, Now: time.Now, Log: g.logger(s.Err)}
	result, err := j.Sweep(ctx, janitor.Options{DryRun: c.DryRun, OlderThan: c.OlderThan})
	for _, line := range result.Lines() {
		fmt.Fprintln(s.Out, printable(line))
	}
	return err
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

// nobody owns anything: there is no journal. What other installations and runs
// without a forge made is left alone until it expires.
type nobody struct{}

func (nobody) Owner(context.Context, run.ID) (live, found bool, err error) { return false, false, nil }
