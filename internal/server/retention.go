package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// forgetFiles removes the folders of runs that ended longer ago than keep: events,
// log and results. What the journal knows of them stays. One that cannot be removed
// does not stop the others.
func forgetFiles(ctx context.Context, runs string, reader journal.Reader, keep time.Duration, now time.Time) (removed int, err error) {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return 0, fmt.Errorf("cannot list the runs' folders: %w", err)
	}
	var failures []error
	for _, entry := range entries {
		id, err := run.ParseID(entry.Name())
		// A run is asked for before it ends: younger ones need no look into the journal.
		if err != nil || now.Sub(id.Time()) < keep {
			continue
		}
		report, err := reader.Report(ctx, id)
		switch {
		case errors.Is(err, journal.ErrUnknownRun):
			continue // a run without a forge: it removes its folder itself
		case err != nil:
			failures = append(failures, err)
			continue
		case report.State != run.Ended || now.Sub(report.EndedAt) < keep:
			continue
		}
		if err := os.RemoveAll(filepath.Join(runs, entry.Name())); err != nil {
			failures = append(failures, fmt.Errorf("cannot remove the files of run %s: %w", id, err))
			continue
		}
		removed++
	}
	return removed, errors.Join(failures...)
}
