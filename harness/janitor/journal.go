package janitor

import (
	"context"
	"errors"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// JournalOwners asks a journal whether a run still lives.
type JournalOwners struct{ Journal journal.Reader }

// Owner implements Owners.
func (o JournalOwners) Owner(ctx context.Context, id run.ID) (live, found bool, err error) {
	report, err := o.Journal.Report(ctx, id)
	if errors.Is(err, journal.ErrUnknownRun) {
		return false, false, nil
	}
	return report.State != run.Ended, err == nil, err
}
