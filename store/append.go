package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

func (db *DB) Append(ctx context.Context, events ...run.Event) error {
	if len(events) == 0 {
		return nil
	}
	return db.write(ctx, "append to the journal", func(tx *transaction) error { return tx.append(events...) })
}

// transaction is one write: everything in it happens, or nothing.
type transaction struct {
	*sql.Tx
	ctx      context.Context // of this one write
	db       *DB
	appended []run.Kind         // what is new
	runs     map[run.ID]*folded // as of this transaction; ours to change
}

// write runs f in a transaction and, once that is committed, tells everybody.
func (db *DB) write(ctx context.Context, doing string, f func(*transaction) error) error {
	sqlTx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return db.failed(ctx, doing, err)
	}
	tx := &transaction{Tx: sqlTx, ctx: ctx, db: db, runs: map[run.ID]*folded{}}
	err = f(tx)
	if err == nil {
		err = tx.project()
	}
	if err != nil {
		return db.failed(ctx, doing, errors.Join(err, ignoreDone(tx.Rollback())))
	}
	if err := tx.Commit(); err != nil {
		return db.failed(ctx, doing, err)
	}
	for id, r := range tx.runs {
		db.reports.Add(id, *r)
	}
	db.version.Add(1)
	if len(tx.appended) > 0 {
		db.changed.send()
	}
	if db.afterAppend != nil {
		for _, kind := range tx.appended {
			db.afterAppend(kind)
		}
	}
	return nil
}

// failed explains an error, and lets a context that ended show through.
func (s *shared) failed(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("cannot %s: %w (%v)", doing, cause, err)
	}
	return s.explain(doing, err)
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

func (tx *transaction) append(events ...run.Event) error {
	for _, e := range events {
		if err := tx.appendOne(e); err != nil {
			return err
		}
	}
	return nil
}

func (tx *transaction) appendOne(e run.Event) error {
	e, err := journal.Fit(e)
	if err != nil {
		return err
	}
	if e.Seq == 0 {
		if e.Seq, err = tx.nextSeq(e); err != nil {
			return err
		}
	}
	raw, err := encodeBody(e)
	if err != nil {
		return journal.Unfit(e, err)
	}
	r, err := tx.run(e.Run) // before the event is there, so that it is not folded twice
	if err != nil {
		return err
	}
	var position journal.Position
	err = tx.QueryRowContext(tx.ctx, `INSERT INTO events (run, attempt, source, seq, at, kind, body)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, attempt, source, seq) DO NOTHING RETURNING position`,
		e.Run, e.Attempt, e.Source, e.Seq, encodeTime(e.At), e.Kind, raw).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // a repeat
	}
	if err != nil {
		return err
	}
	if err := r.report.Apply(e); err != nil {
		return journal.Unfit(e, err)
	}
	r.position = position
	tx.appended = append(tx.appended, e.Kind)
	return nil
}

func (tx *transaction) nextSeq(e run.Event) (seq int64, err error) {
	err = tx.QueryRowContext(tx.ctx, `SELECT coalesce(max(seq), 0) + 1 FROM events WHERE run = ? AND attempt = ? AND source = ?`,
		e.Run, e.Attempt, e.Source).Scan(&seq)
	return seq, err
}

// run returns the run as of now, for this transaction to change.
func (tx *transaction) run(id run.ID) (*folded, error) {
	if r, ok := tx.runs[id]; ok {
		return r, nil
	}
	r, err := tx.db.load(tx.ctx, tx, id)
	switch {
	case errors.Is(err, journal.ErrUnknownRun):
		r = folded{}
	case err != nil:
		return nil, err
	default:
		r.report = r.report.Clone()
	}
	tx.runs[id] = &r
	return &r, nil
}
