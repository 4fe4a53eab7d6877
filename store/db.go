package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const (
	// busyTimeout is how long one process waits for another's transaction. Ours take
	// milliseconds; a disk that stalls takes seconds.
	busyTimeout = 10 * time.Second
	// pollInterval is how soon a follower sees what another process appended.
	pollInterval = 250 * time.Millisecond
	// readers is how many of the bridge's queries run at once, and pageReaders how many
	// of the pages'.
	readers     = 4 // one of them watches
	pageReaders = 4
	// pageCache is what each connection keeps of the file, in KiB: what is not in it is in
	// the kernel's, which all of them share. SQLite would keep 2 MiB.
	pageCache = 512
	// readerIdle is how long a connection waits for the next question.
	readerIdle = time.Minute
	// cachedReports bounds the folded reports that are kept, at about 5 KiB each.
	cachedReports = 2048
)

// Options change how a journal is opened. The zero value is what the bridge wants.
type Options struct {
	Log *slog.Logger // none: what goes wrong in the background is not said

	// AfterAppend, where set, is called after the commit of each event that is new.
	AfterAppend func(kind run.Kind)

	// Light opens for a command that looks, or appends a word, and goes: the file is
	// not read through for damage, and no write is tried in advance.
	Light bool
}

// DB is a journal.Journal and a ledger.Ledger. All methods may be called at once.
type DB struct {
	Reader // for the bridge

	log         *slog.Logger
	afterAppend func(run.Kind)

	writer *sql.DB // one connection; every transaction takes the write lock at once
	pages  Reader

	inUse   bool // the file says that it is open, until Close
	checked bool // it was read through at the start

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

var (
	_ journal.Journal = (*DB)(nil)
	_ ledger.Ledger   = (*DB)(nil)
)

// Open opens the journal in the file, which is made if it is not there (its folder
// must be). What keeps it from being used is told before anything is changed.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	all := &shared{path: path, changed: newBroadcast()}
	all.reports, _ = lru.New[run.ID, folded](cachedReports) // fails for sizes below 1 only
	all.badges, _ = lru.New[badgeKey, badgeAnswer](cachedReports)
	db := &DB{Reader: Reader{shared: all}, pages: Reader{shared: all}, log: o.Log, afterAppend: o.AfterAppend}
	db.log = cmp.Or(db.log, slog.New(slog.DiscardHandler))
	if err := db.open(ctx, o); err != nil {
		return nil, errors.Join(err, db.close())
	}
	ctx, db.stop = context.WithCancel(context.WithoutCancel(ctx))
	db.stopped.Go(func() { db.watch(ctx) })
	return db, nil
}

// Close waits for what is being written and closes the file. Followers must have
// ended.
func (db *DB) Close() error {
	db.stop()
	db.stopped.Wait()
	var err error
	if db.inUse {
		_, err = db.writer.Exec(markClosed)
	}
	return errors.Join(db.explain("close the journal", err), db.close())
}

func (db *DB) close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.pages.pool, db.pool, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return db.explain("close the journal", errors.Join(errs...))
}
