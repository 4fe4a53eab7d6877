package store

import (
	"context"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
)

func (db *DB) SeeUnenrolled(ctx context.Context, repo forge.Repo, at time.Time) error {
	return db.write(ctx, "record a repository that is not enrolled", func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO unenrolled (forge, owner, name, first, last) VALUES (?1, ?2, ?3, ?4, ?4)
			ON CONFLICT (forge, owner, name) DO UPDATE SET last = max(last, excluded.last)`, repo.Forge, repo.Owner, repo.Name, encodeTime(at))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM unenrolled WHERE (forge, owner, name) IN
			(SELECT forge, owner, name FROM unenrolled ORDER BY last DESC, forge, owner, name LIMIT -1 OFFSET ?)`, ledger.MostUnenrolled)
		return err
	})
}

func (db *Reader) Unenrolled(ctx context.Context) ([]ledger.UnenrolledRepo, error) {
	const doing = "read which repositories are not enrolled"
	rows, err := db.pool.QueryContext(ctx, `SELECT forge, owner, name, first, last FROM unenrolled ORDER BY last DESC, forge, owner, name`)
	if err != nil {
		return nil, db.failed(ctx, doing, err)
	}
	defer rows.Close()
	var all []ledger.UnenrolledRepo
	for rows.Next() {
		var s ledger.UnenrolledRepo
		if err := rows.Scan(&s.Repo.Forge, &s.Repo.Owner, &s.Repo.Name, timeColumn{&s.First}, timeColumn{&s.Last}); err != nil {
			return nil, db.failed(ctx, doing, err)
		}
		all = append(all, s)
	}
	return all, db.failed(ctx, doing, rows.Err())
}
