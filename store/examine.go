package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The file says whether a journal that was opened for good was closed: a start after a
// crash reads everything, any other a bounded part.
const (
	askInUse   = `PRAGMA user_version`
	markInUse  = `PRAGMA user_version = 1`
	markClosed = `PRAGMA user_version = 0`
)

// glance is how much of each table a start after a clean end looks at.
const glance = 64

// examine looks for damage and tries a write, so that a damaged file, a full or a
// read-only disk shows now and not in the middle of a run.
func (db *DB) examine(ctx context.Context) error {
	const doing = "check the journal"
	var inUse int
	if err := db.writer.QueryRowContext(ctx, askInUse).Scan(&inUse); err != nil {
		return db.explain(doing, err)
	}
	look := db.lookAtSome
	if inUse != 0 {
		look, db.checked = db.lookAtAll, true
	}
	if err := look(ctx, db.writer); err != nil {
		return err
	}
	if _, err := db.writer.ExecContext(ctx, markInUse); err != nil { // a page is written, whatever stood there
		return db.explain("write to the journal", err)
	}
	db.inUse = true
	return nil
}

// Check reads the whole file and says what is damaged in it, unless the opening did so
// already. It takes a second for each 100 MiB or so, beside everything else.
func (db *DB) Check(ctx context.Context) error {
	if db.checked {
		return nil
	}
	err := db.lookAtAll(ctx, db.pages.pool)
	if ctx.Err() != nil {
		return nil // it was not asked for any more
	}
	return err
}

func (db *DB) lookAtAll(ctx context.Context, q queryer) error {
	var found string
	if err := q.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return db.explain("check the journal", err)
	}
	if found != "ok" {
		return db.damaged("check the journal", errors.New(found))
	}
	return nil
}

// lookAtSome finds a file that was cut or overwritten: SQLite compares its size, and the
// beginning of each table and the latest events are read.
func (db *DB) lookAtSome(ctx context.Context, q queryer) error {
	const doing = "check the journal"
	rows, err := q.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table'`)
	if err != nil {
		return db.explain(doing, err)
	}
	defer rows.Close()
	looks := []string{fmt.Sprintf(`SELECT count(kind) FROM (SELECT kind FROM events ORDER BY position DESC LIMIT %d)`, glance)}
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return db.explain(doing, err)
		}
		looks = append(looks, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM "%s" LIMIT %d)`, strings.ReplaceAll(table, `"`, `""`), glance))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return db.explain(doing, err)
	}
	for _, look := range looks {
		var n int
		if err := q.QueryRowContext(ctx, look).Scan(&n); err != nil {
			return db.explain(doing, err)
		}
	}
	return nil
}
