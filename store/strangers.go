package store

import (
	"context"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
)

// Stranger implements ledger.Strangers.
func (db *DB) Stranger(ctx context.Context, repo forge.Repo, at time.Time) error {
	return db.write(ctx, "record a repository that is not enrolled", func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO strangers (forge, owner, name, first, last) VALUES (?1, ?2, ?3, ?4, ?4)
			ON CONFLICT (forge, owner, name) DO UPDATE SET last = max(last, excluded.last)`, repo.Forge, repo.Owner, repo.Name, encodeTime(at))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM strangers WHERE (forge, owner, name) IN
			(SELECT forge, owner, name FROM strangers ORDER BY last DESC, forge, owner, name LIMIT -1 OFFSET ?)`, ledger.MostStrangers)
		return err
	})
}

// Strangers implements ledger.Strangers.
func (db *DB) Strangers(ctx context.Context) ([]ledger.StrangerRepo, error) {
	const doing = "read which repositories are not enrolled"
	rows, err := db.readers.QueryContext(ctx, `SELECT forge, owner, name, first, last FROM strangers ORDER BY last DESC, forge, owner, name`)
	if err != nil {
		return nil, db.failed(ctx, doing, err)
	}
	defer rows.Close()
	var all []ledger.StrangerRepo
	for rows.Next() {
		var s ledger.StrangerRepo
		if err := rows.Scan(&s.Repo.Forge, &s.Repo.Owner, &s.Repo.Name, timeColumn{&s.First}, timeColumn{&s.Last}); err != nil {
			return nil, db.failed(ctx, doing, err)
		}
		all = append(all, s)
	}
	return all, db.failed(ctx, doing, rows.Err())
}
