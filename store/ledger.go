package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

func (db *Reader) Cursor(ctx context.Context, scope string) (c forge.Cursor, err error) {
	err = db.pool.QueryRowContext(ctx, `SELECT cursor FROM cursors WHERE scope = ?`, scope).Scan(&c)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return c, db.failed(ctx, "read how far a feed was read", err)
}

func (db *DB) SetCursor(ctx context.Context, scope string, c forge.Cursor) error {
	return db.exec(ctx, "record how far a feed was read",
		`INSERT INTO cursors (scope, cursor) VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET cursor = excluded.cursor`, scope, c)
}

func (db *DB) AddTrees(ctx context.Context, repo forge.Repo, trees []forge.Tree) error {
	behind := ledger.Behind(trees)
	known, err := db.behind(ctx, repo)
	// Every sweep brings the same trees, and the disk need not hear of it.
	if err != nil || len(behind) == 0 || maps.Equal(known, behind) {
		return db.failed(ctx, "read the default branch of "+repo.String(), err)
	}
	return db.write(ctx, "record the default branch of "+repo.String(), func(tx *transaction) error {
		if _, err := tx.ExecContext(ctx, `UPDATE trees SET behind = -1 WHERE forge = ? AND repo = ? AND behind >= 0`, repo.Forge, repo.String()); err != nil {
			return err
		}
		for i, t := range trees {
			if n, ok := behind[t.Tree]; !ok || n != i {
				continue
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO trees (forge, repo, tree, commit_hash, at, behind) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT (forge, repo, tree) DO UPDATE SET behind = excluded.behind`, repo.Forge, repo.String(), t.Tree, t.Commit, encodeTime(t.At), i)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// behind is what was read last of a default branch, as ledger.Behind tells it.
func (db *Reader) behind(ctx context.Context, repo forge.Repo) (map[string]int, error) {
	rows, err := db.pool.QueryContext(ctx, `SELECT tree, behind FROM trees WHERE forge = ? AND repo = ? AND behind >= 0`, repo.Forge, repo.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[string]int{}
	for rows.Next() {
		var tree string
		var n int
		if err := rows.Scan(&tree, &n); err != nil {
			return nil, err
		}
		known[tree] = n
	}
	return known, rows.Err()
}

func (db *DB) Record(ctx context.Context, e ledger.AuditEntry) error {
	return db.exec(ctx, "write to the audit journal", `INSERT INTO audit (at, who, what, subject, why) VALUES (?, ?, ?, ?, ?)`,
		encodeTime(e.At), e.Who, e.What, e.Subject, e.Why)
}

// AuditLog returns the latest audit entries, newest first.
func (db *Reader) AuditLog(ctx context.Context, limit int) ([]ledger.AuditEntry, error) {
	const doing = "read the audit journal"
	rows, err := db.pool.QueryContext(ctx, `SELECT at, who, what, subject, why FROM audit ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, db.failed(ctx, doing, err)
	}
	defer rows.Close()
	var entries []ledger.AuditEntry
	for rows.Next() {
		var e ledger.AuditEntry
		if err := rows.Scan(timeColumn{&e.At}, &e.Who, &e.What, &e.Subject, &e.Why); err != nil {
			return nil, db.failed(ctx, doing, err)
		}
		entries = append(entries, e)
	}
	return entries, db.failed(ctx, doing, rows.Err())
}

// exec runs one statement as one transaction.
func (db *DB) exec(ctx context.Context, doing, statement string, args ...any) error {
	return db.write(ctx, doing, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

func (db *Reader) Announcement(ctx context.Context, key string) (ledger.Announcement, error) {
	a := ledger.Announcement{Key: key}
	err := db.pool.QueryRowContext(ctx,
		`SELECT comment_id, intent, body_hash, status, done, tries, updated_at FROM announcements WHERE key = ?`, key).
		Scan(&a.CommentID, &a.Intent, &a.BodyHash, &a.Status, &a.Done, &a.Tries, timeColumn{&a.UpdatedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return a, nil
	}
	return a, db.failed(ctx, "read what was announced of "+key, err)
}

func (db *DB) SetAnnouncement(ctx context.Context, a ledger.Announcement) error {
	return db.write(ctx, "record what was announced of "+a.Key, func(tx *transaction) error {
		if a.Key == "" {
			return errors.New("it has no key")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO announcements (key, comment_id, intent, body_hash, status, done, tries, updated_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO UPDATE SET
			comment_id = ?2, intent = ?3, body_hash = ?4, status = ?5, done = ?6, tries = ?7, updated_at = ?8`,
			a.Key, a.CommentID, a.Intent, a.BodyHash, a.Status, a.Done, a.Tries, encodeTime(a.UpdatedAt))
		if err != nil {
			return err
		}
		return tx.markAnnounced(a)
	})
}

// markAnnounced keeps the lists of what is still to be said short.
func (tx *transaction) markAnnounced(a ledger.Announcement) error {
	if id, ok := ledger.RunOfKey(a.Key); ok {
		_, err := tx.ExecContext(tx.ctx, `UPDATE runs SET announced = ?1 WHERE id = ?2 AND announced <> ?1`, a.Done, id)
		return err
	}
	if forgeID, comment, ok := ledger.CommentOfKey(a.Key); ok {
		_, err := tx.ExecContext(tx.ctx, `UPDATE comments SET announced = ?1 WHERE forge = ?2 AND id = ?3 AND announced <> ?1`,
			a.Done, forgeID, comment)
		return err
	}
	return nil
}

func (db *Reader) Unannounced(ctx context.Context) ([]run.ID, error) {
	ids, _, err := queryIDs(ctx, db.pool, `SELECT id, last_position FROM runs WHERE announced = 0 ORDER BY id`)
	return ids, db.failed(ctx, "read which runs are to be announced", err)
}
