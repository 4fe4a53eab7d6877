package store

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/harness/journal"
)

// followBatch bounds how much a follower reads at once.
const followBatch = 256

func (db *Reader) Follow(ctx context.Context, after journal.Position) iter.Seq2[journal.Entry, error] {
	return func(yield func(journal.Entry, error) bool) {
		for ctx.Err() == nil {
			changed := db.changed.next()
			entries, err := queryEntries(ctx, db.pool,
				`SELECT `+entryColumns+` FROM events WHERE position > ? ORDER BY position LIMIT ?`, after, followBatch)
			if err != nil {
				if ctx.Err() == nil {
					yield(journal.Entry{}, db.explain("follow the journal", err))
				}
				return
			}
			for _, entry := range entries {
				if ctx.Err() != nil || !yield(entry, nil) {
					return
				}
				after = entry.Position
			}
			if len(entries) > 0 {
				continue
			}
			select {
			case <-ctx.Done():
			case <-changed:
			}
		}
	}
}

func (db *Reader) Last(ctx context.Context) (last journal.Position, err error) {
	err = db.pool.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM events`).Scan(&last)
	return last, db.failed(ctx, "read the journal's last position", err)
}

// watch notices what other processes have written, until the context ends.
func (db *DB) watch(ctx context.Context) {
	_, _ = backoff.Retry(ctx, func() (any, error) {
		err := db.watchOne(ctx)
		if ctx.Err() == nil {
			db.log.Warn("cannot see what other processes write to the journal; will try again", "err", db.explain("watch the journal", err))
		}
		return nil, err
	}, backoff.WithMaxElapsedTime(0)) // the error is said above, or the context has ended
}

// watchOne watches over one connection: SQLite counts the changes that were not
// made through the connection that asks.
func (db *DB) watchOne(ctx context.Context) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for seen := int64(-1); ; {
		var now int64
		if err := conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&now); err != nil {
			return err
		}
		if now != seen && seen != -1 {
			db.version.Add(1)
			db.changed.send()
		}
		seen = now
		select {
		case <-ctx.Done():
			return errors.New("stopped")
		case <-tick.C:
		}
	}
}

// broadcast wakes everybody who waits.
type broadcast struct {
	waiting *atomic.Pointer[chan struct{}]
}

func newBroadcast() broadcast {
	b := broadcast{waiting: &atomic.Pointer[chan struct{}]{}}
	c := make(chan struct{})
	b.waiting.Store(&c)
	return b
}

// next is closed by the next send. Whoever looks for something new takes it first.
func (b broadcast) next() <-chan struct{} { return *b.waiting.Load() }

func (b broadcast) send() {
	c := make(chan struct{})
	close(*b.waiting.Swap(&c))
}
