package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
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
	// readers is how many queries run at once; each connection costs about 2 MiB.
	readers = 4 // one of them watches
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
	path        string
	log         *slog.Logger
	afterAppend func(run.Kind)

	writer  *sql.DB // one connection; every transaction takes the write lock at once
	readers *sql.DB

	changed bell          // rung when the file may hold something new
	version atomic.Uint64 // rises with every change of the file that we know of
	reports *lru.Cache[run.ID, folded]
	badges  *lru.Cache[badgeKey, badgeAnswer]

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

var (
	_ journal.Journal = (*DB)(nil)
	_ ledger.Ledger   = (*DB)(nil)
)

// folded is a run's report as of a position. It is never changed: see Clone.
type folded struct {
	position journal.Position
	report   run.Report
}

// Open opens the journal in the file, which is made if it is not there (its folder
// must be). What keeps it from being used is told before anything is changed.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	db := &DB{path: path, log: o.Log, afterAppend: o.AfterAppend, changed: newBell()}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	db.reports, _ = lru.New[run.ID, folded](cachedReports) // fails for sizes below 1 only
	db.badges, _ = lru.New[badgeKey, badgeAnswer](cachedReports)
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
	return db.close()
}

func (db *DB) close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.readers, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return db.explain("close the journal", errors.Join(errs...))
}

// bell wakes everybody who waits.
type bell struct {
	waiting *atomic.Pointer[chan struct{}]
}

func newBell() bell {
	b := bell{waiting: &atomic.Pointer[chan struct{}]{}}
	c := make(chan struct{})
	b.waiting.Store(&c)
	return b
}

// next is closed when the bell rings. Whoever looks for something new takes it first.
func (b bell) next() <-chan struct{} { return *b.waiting.Load() }

func (b bell) ring() {
	c := make(chan struct{})
	close(*b.waiting.Swap(&c))
}
