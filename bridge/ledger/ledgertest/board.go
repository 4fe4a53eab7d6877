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

// DefaultBranchReport returns the run of the repository whose tree is nearest to the tip
// of the default branch, and that ended last among those.
func (m *Memory) DefaultBranchReport(ctx context.Context, forgeID, repo string) (best run.Report, behind int, ok bool, err error) {
	reports, err := m.all(ctx, journal.Filter{Forge: forgeID, Repo: repo, Ended: true})
	if err != nil {
		return run.Report{}, 0, false, err
	}
	nearer := func(n int, r run.Report) bool { // -1 is farther than any
		return !ok || uint(n) < uint(behind) || n == behind && r.EndedAt.After(best.EndedAt)
	}
	err = m.do(ctx, func() error {
		for _, r := range reports {
			if r.Plan == nil {
				continue
			}
			if n, on := m.trees[treeKey{forgeID, repo, r.Plan.Tree}]; on && nearer(n, r) {
				best, behind, ok = r, n, true
			}
		}
		return nil
	})
	return best, behind, ok, err
}

func (m *Memory) all(ctx context.Context, f journal.Filter) ([]run.Report, error) {
	last, err := m.Last(ctx)
	if err != nil {
		return nil, err
	}
	f.Limit = int(last) + 1 // there are never more runs than events
	return m.Reports(ctx, f)
}
