package cli

import (
	"context"

	"seatrial/harness/cluster/setup"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/state"
)

const (
	// measuredRuns are the latest ones of all recipes that are looked through.
	measuredRuns = 1000
	// enoughMeasured runs of a recipe tell what the next one takes.
	enoughMeasured = 5
)

// measured is what the latest runs of each recipe were seen to take, by this
// installation's journal. Without one nothing is known.
func (g *Globals) measured(ctx context.Context) (map[string]setup.Resources, error) {
	if !g.folder().Exists(state.JournalFile) {
		return nil, nil
	}
	db, err := g.journalOf(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	reports, err := db.Reports(ctx, journal.Filter{Ended: true, Limit: measuredRuns})
	if err != nil {
		return nil, err
	}
	return resourcesOf(reports), nil
}

// resourcesOf takes the most that the latest passing runs took, newest first.
func resourcesOf(reports []run.Report) map[string]setup.Resources {
	peaks, seen := map[string]int64{}, map[string]int{}
	for _, r := range reports {
		if name := r.Request.Recipe; r.Measured != nil && r.Measured.Memory > 0 && r.Verdict() == run.VerdictPass && seen[name] < enoughMeasured {
			seen[name]++
			peaks[name] = max(peaks[name], r.Measured.Memory)
		}
	}
	resources := map[string]setup.Resources{}
	for name, peak := range peaks {
		resources[name] = setup.FromPeak(peak)
	}
	return resources
}
