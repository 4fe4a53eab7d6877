package store

import (
	"context"
	"fmt"

	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

// project writes the runs that this transaction has changed into the table that
// queries read.
func (tx *transaction) project() error {
	for id, r := range tx.runs {
		if r.position == 0 {
			delete(tx.runs, id) // nothing but refusals and repeats
			continue
		}
		if err := tx.projectOne(id, r); err != nil {
			return fmt.Errorf("cannot record run %s: %w", id, err)
		}
	}
	return nil
}

func (tx *transaction) projectOne(id run.ID, r *folded) error {
	q, tree := r.report.Request, ""
	if r.report.Plan != nil {
		tree = r.report.Plan.Tree
	}
	_, err := tx.ExecContext(tx.ctx, `INSERT INTO runs
		(id, recipe, forge, repo, pull, commit_hash, tree, state, asked_at, ended_at, last_position, asker, announced)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, EXISTS (SELECT 1 FROM announcements WHERE key = ?13 AND done = 1))
		ON CONFLICT (id) DO UPDATE SET recipe = ?2, forge = ?3, repo = ?4, pull = ?5, commit_hash = ?6, tree = ?7,
		state = ?8, asked_at = ?9, ended_at = ?10, last_position = ?11, asker = ?12`,
		id, q.Recipe, q.Code.Forge, q.Code.Repo, q.Code.Pull, q.Code.Commit, tree,
		r.report.State, encodeTime(r.report.QueuedAt), encodeTime(r.report.EndedAt), r.position, q.AskedBy.ID, ledger.RunKey(id))
	return err
}

// Rebuild makes the table of runs anew from the events.
func (db *DB) Rebuild(ctx context.Context) error {
	db.reports.Purge()
	return db.write(ctx, "rebuild the journal's table of runs", func(tx *transaction) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM runs`); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT `+entryColumns+` FROM events ORDER BY position`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			entry, err := scanEntry(rows)
			if err != nil {
				return err
			}
			r := tx.runs[entry.Event.Run]
			if r == nil {
				r = &folded{}
				tx.runs[entry.Event.Run] = r
			}
			if err := r.report.Apply(entry.Event); err != nil {
				return err
			}
			r.position = entry.Position
		}
		return rows.Err()
	})
}
