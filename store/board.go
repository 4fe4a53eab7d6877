package store

import (
	"context"

	"seatrial/harness/run"
)

// LatestRuns returns the latest run of every recipe, in the recipes' order.
func (db *Reader) LatestRuns(ctx context.Context) ([]run.Report, error) {
	reports, err := db.query(ctx, `SELECT id, last_position FROM runs
		WHERE id IN (SELECT max(id) FROM runs WHERE recipe <> '' GROUP BY recipe) ORDER BY recipe`)
	return reports, db.failed(ctx, "read the latest runs", err)
}

// OnDefaultBranch says whether the repository's default branch holds the tree.
func (db *Reader) OnDefaultBranch(ctx context.Context, forgeID, repo, tree string) (on bool, err error) {
	err = db.pool.QueryRowContext(ctx,
		`SELECT EXISTS (SELECT 1 FROM trees WHERE forge = ? AND repo = ? AND tree = ?)`, forgeID, repo, tree).Scan(&on)
	return on, db.failed(ctx, "read the default branch of "+repo, err)
}

type badgeKey struct{ forge, repo string }

// badgeAnswer holds as long as the file is not written to.
type badgeAnswer struct {
	version uint64
	report  run.Report
	behind  int
	ok      bool
}

// DefaultBranchReport returns the run of the repository whose tree is nearest to the tip
// of the default branch, and that ended last among those; ok is false if there is none.
// behind is by how many commits it is not the tip's; -1 for more than are read. What
// this process has written counts at once, what another has within the interval
// at which followers look. It costs no query while nothing is written.
func (db *Reader) DefaultBranchReport(ctx context.Context, forgeID, repo string) (r run.Report, behind int, ok bool, err error) {
	key, version := badgeKey{forgeID, repo}, db.version.Load()
	if known, hit := db.badges.Get(key); hit && known.version == version {
		return known.report.Clone(), known.behind, known.ok, nil
	}
	reports, err := db.query(ctx, `SELECT r.id, r.last_position FROM runs r JOIN trees t USING (forge, repo, tree)
		WHERE forge = ? AND repo = ? AND r.state = 'ended'
		ORDER BY t.behind < 0, t.behind, r.ended_at DESC, r.id DESC LIMIT 1`, forgeID, repo)
	answer := badgeAnswer{version: version}
	if err == nil && len(reports) > 0 {
		answer.report, answer.ok = reports[0], true
		err = db.pool.QueryRowContext(ctx, `SELECT behind FROM trees WHERE forge = ? AND repo = ? AND tree = ?`, forgeID, repo, answer.report.Plan.Tree).Scan(&answer.behind)
	}
	if err != nil {
		return run.Report{}, 0, false, db.failed(ctx, "read what the default branch of "+repo+" is worth", err)
	}
	db.badges.Add(key, answer)
	return answer.report.Clone(), answer.behind, answer.ok, nil
}
