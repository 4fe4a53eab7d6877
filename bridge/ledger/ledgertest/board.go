package ledgertest

import (
	"cmp"
	"context"
	"slices"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// LatestRuns returns the latest run of every recipe, in the recipes' order.
func (m *Memory) LatestRuns(ctx context.Context) ([]run.Report, error) {
	reports, err := m.all(ctx, journal.Filter{})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{"": true}
	latest := slices.DeleteFunc(reports, func(r run.Report) bool {
		again := seen[r.Request.Recipe]
		seen[r.Request.Recipe] = true
		return again
	})
	slices.SortFunc(latest, func(a, b run.Report) int { return cmp.Compare(a.Request.Recipe, b.Request.Recipe) })
	return latest, nil
}

// DefaultBranchReport returns the run of the repository that ended last among
// those whose tree is on the default branch.
func (m *Memory) DefaultBranchReport(ctx context.Context, forgeID, repo string) (best run.Report, ok bool, err error) {
	reports, err := m.all(ctx, journal.Filter{Forge: forgeID, Repo: repo, Ended: true})
	if err != nil {
		return run.Report{}, false, err
	}
	for _, r := range reports {
		if r.Plan == nil || ok && !r.EndedAt.After(best.EndedAt) {
			continue
		}
		on, err := m.OnDefaultBranch(ctx, forgeID, repo, r.Plan.Tree)
		if err != nil {
			return run.Report{}, false, err
		}
		if on {
			best, ok = r, true
		}
	}
	return best, ok, nil
}

func (m *Memory) all(ctx context.Context, f journal.Filter) ([]run.Report, error) {
	last, err := m.Last(ctx)
	if err != nil {
		return nil, err
	}
	f.Limit = int(last) + 1 // there are never more runs than events
	return m.Reports(ctx, f)
}
