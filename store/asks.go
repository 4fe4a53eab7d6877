package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

const selectAsk = `SELECT key, what, at, who, run, refusal, joined FROM asks WHERE key = ? AND at > ?`

func scanAsk(row *sql.Row) (a ledger.Ask, ok bool, err error) {
	err = row.Scan(&a.Key, &a.What, timeColumn{&a.At}, &a.Who, &a.Run, &a.Refusal, &a.Joined)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Ask{}, false, nil
	}
	return a, err == nil, err
}

func (db *Reader) Asked(ctx context.Context, key string, now time.Time) (ledger.Ask, bool, error) {
	a, ok, err := scanAsk(db.pool.QueryRowContext(ctx, selectAsk, key, encodeTime(now.Add(-ledger.AskMemory))))
	return a, ok, db.failed(ctx, "read what was asked for", err)
}

func (db *DB) DecideAsk(ctx context.Context, a ledger.Ask, events ...run.Event) (done bool, err error) {
	if err := a.Check(); err != nil {
		return false, err
	}
	err = db.write(ctx, "record a decision", func(tx *transaction) error {
		forgotten := encodeTime(a.At.Add(-ledger.AskMemory))
		if _, known, err := scanAsk(tx.QueryRowContext(ctx, selectAsk, a.Key, forgotten)); known || err != nil {
			return err
		}
		if err := tx.append(events...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM asks WHERE at <= ?`, forgotten); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO asks (key, what, at, who, run, refusal, joined) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			a.Key, a.What, encodeTime(a.At), a.Who, a.Run, a.Refusal, a.Joined)
		done = true
		return err
	})
	return done && err == nil, err
}
