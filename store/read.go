package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// queryer is a pool or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (db *Reader) Events(ctx context.Context, id run.ID) ([]run.Event, error) {
	entries, err := queryEntries(ctx, db.pool, `SELECT `+entryColumns+` FROM events WHERE run = ? ORDER BY position`, id)
	if err == nil && len(entries) == 0 {
		err = journal.ErrUnknownRun
	}
	if err != nil {
		return nil, db.failed(ctx, fmt.Sprintf("read run %s", id), err)
	}
	events := make([]run.Event, len(entries))
	for i, entry := range entries {
		events[i] = entry.Event
	}
	return events, nil
}

func (db *Reader) Report(ctx context.Context, id run.ID) (run.Report, error) {
	r, err := db.load(ctx, db.pool, id)
	if err != nil {
		return run.Report{}, db.failed(ctx, fmt.Sprintf("read run %s", id), err)
	}
	return r.report.Clone(), nil
}

// load returns a run, from the cache while nothing was appended to it. What it
// returns is shared: clone the report before changing it or giving it away.
func (db *Reader) load(ctx context.Context, q queryer, id run.ID) (folded, error) {
	var last journal.Position
	err := q.QueryRowContext(ctx, `SELECT last_position FROM runs WHERE id = ?`, id).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return folded{}, journal.ErrUnknownRun
	}
	if err != nil {
		return folded{}, err
	}
	if r, ok := db.reports.Get(id); ok && r.position == last {
		return r, nil
	}
	entries, err := queryEntries(ctx, q, `SELECT `+entryColumns+` FROM events WHERE run = ? AND position <= ? ORDER BY position`, id, last)
	if err != nil {
		return folded{}, err
	}
	return db.fold(id, entries)
}

// fold folds all entries of one run, and keeps what comes of it.
func (db *Reader) fold(id run.ID, entries []journal.Entry) (r folded, err error) {
	for _, entry := range entries {
		if err := r.report.Apply(entry.Event); err != nil {
			return folded{}, err
		}
		r.position = entry.Position
	}
	db.reports.Add(id, r)
	return r, nil
}

func (db *Reader) Reports(ctx context.Context, f journal.Filter) ([]run.Report, error) {
	where, args := selection(f)
	reports, err := db.query(ctx, `SELECT id, last_position FROM runs WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, f.Max())...)
	return reports, db.failed(ctx, "read the journal's runs", err)
}

// selection is the filter in SQL.
func selection(f journal.Filter) (where string, args []any) {
	terms := []string{"TRUE"}
	add := func(wanted bool, term string, values ...any) {
		if wanted {
			terms, args = append(terms, term), append(args, values...)
		}
	}
	add(f.Recipe != "", "recipe = ?", f.Recipe)
	add(f.Forge != "", "forge = ?", f.Forge)
	add(f.Repo != "", "repo = ?", f.Repo)
	add(f.Pull != 0, "pull = ?", f.Pull)
	add(f.Commit != "", "commit_hash = ?", f.Commit)
	add(f.Tree != "", "tree = ?", f.Tree)
	add(f.Open, "state <> 'ended'")
	add(f.Ended, "state = 'ended'")
	add(f.Asker != 0, "asker = ? AND asker <> 0", f.Asker)
	add(!f.Since.IsZero(), "asked_at >= ?", encodeTime(f.Since))
	add(f.Before != "", "id < ?", f.Before)
	return strings.Join(terms, " AND "), args
}

// query returns the reports of the runs that a query for IDs and last positions
// selects, in its order. Everything is read as of one moment.
func (db *Reader) query(ctx context.Context, query string, args ...any) ([]run.Report, error) {
	tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // nothing was written
	ids, wanted, err := queryIDs(ctx, tx, query, args...)
	if err != nil {
		return nil, err
	}
	found := make(map[run.ID]folded, len(ids))
	var missing []run.ID
	for _, id := range ids {
		if r, ok := db.reports.Get(id); ok && r.position == wanted[id] {
			found[id] = r
		} else {
			missing = append(missing, id)
		}
	}
	if err := db.loadAll(ctx, tx, missing, found); err != nil {
		return nil, err
	}
	reports := make([]run.Report, len(ids))
	for i, id := range ids {
		r := found[id]
		reports[i] = r.report.Clone()
	}
	return reports, nil
}

func queryIDs(ctx context.Context, q queryer, query string, args ...any) ([]run.ID, map[run.ID]journal.Position, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var ids []run.ID
	positions := map[run.ID]journal.Position{}
	for rows.Next() {
		var id run.ID
		var position journal.Position
		if err := rows.Scan(&id, &position); err != nil {
			return nil, nil, err
		}
		ids, positions[id] = append(ids, id), position
	}
	return ids, positions, rows.Err()
}

// loadAll folds runs from their events and keeps them.
func (db *Reader) loadAll(ctx context.Context, q queryer, ids []run.ID, found map[run.ID]folded) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	entries, err := queryEntries(ctx, q, `SELECT `+entryColumns+` FROM events
		WHERE run IN (SELECT value FROM json_each(?)) ORDER BY run, position`, string(list))
	if err != nil {
		return err
	}
	for len(entries) > 0 {
		id, n := entries[0].Event.Run, 1
		for n < len(entries) && entries[n].Event.Run == id {
			n++
		}
		r, err := db.fold(id, entries[:n])
		if err != nil {
			return err
		}
		found[id], entries = r, entries[n:]
	}
	return nil
}

func queryEntries(ctx context.Context, q queryer, query string, args ...any) ([]journal.Entry, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var entries []journal.Entry
	for rows.Next() {
		entry, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, rows.Err()
}
