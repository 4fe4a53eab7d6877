package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// applicationID is written into our files; see the first migration.
	applicationID = 1953655137
	// migrateWait is how long one process waits for another that changes the schema.
	migrateWait = 30 * time.Second
)

func (db *DB) open(ctx context.Context, o Options) (err error) {
	if db.path, err = filepath.Abs(db.path); err != nil {
		return fmt.Errorf("cannot open the journal: %w", err)
	}
	if err := db.create(ctx); err != nil {
		return err
	}
	known, err := newestMigration()
	if err != nil {
		return err
	}
	have, err := db.inspect(ctx)
	if err != nil {
		return err
	}
	if have > known {
		return &NewerError{Path: db.path, Schema: have, Known: known}
	}
	db.writer, err = sql.Open("sqlite", db.dsn("_txlock=immediate&_journal_mode=WAL&_synchronous=FULL&_pragma=secure_delete(1)"))
	if err != nil {
		return db.explain("open the journal", err)
	}
	db.writer.SetMaxOpenConns(1)
	if have < known {
		if err := db.migrate(ctx); err != nil {
			return db.explain("prepare the journal", err)
		}
	}
	if !o.Light {
		if err := db.examine(ctx); err != nil {
			return err
		}
	}
	if db.pool, err = db.openPool(readers); err != nil {
		return err
	}
	if db.pages.pool, err = db.openPool(pageReaders); err != nil {
		return err
	}
	return db.explain("open the journal", db.pool.PingContext(ctx))
}

func (s *shared) openPool(connections int) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", s.dsn("_query_only=1"))
	if err != nil {
		return nil, s.explain("open the journal", err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(readerIdle)
	return pool, nil
}

func (s *shared) dsn(options string) string {
	u := url.URL{Scheme: "file", Path: s.path}
	return fmt.Sprintf("%s?_busy_timeout=%d&_foreign_keys=1&_pragma=cache_size(-%d)&%s", u.String(), busyTimeout.Milliseconds(), pageCache, options)
}

// inspect returns the schema's version, 0 for a new file, and changes nothing.
func (db *DB) inspect(ctx context.Context) (version int64, err error) {
	pool, err := sql.Open("sqlite", db.dsn("_query_only=1"))
	if err != nil {
		return 0, db.explain("open the journal", err)
	}
	defer pool.Close()
	var id, tables, versions int64
	err = pool.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		count(*), count(*) FILTER (WHERE name = 'goose_db_version') FROM sqlite_schema`).Scan(&id, &tables, &versions)
	if err != nil {
		return 0, db.explain("read the journal", err)
	}
	if id != applicationID && (id != 0 || tables > versions*foreignTables) {
		return 0, fmt.Errorf("cannot use %s: it is a database, but not a journal of seatrial's: choose another --state", db.path)
	}
	if versions == 0 {
		return 0, nil
	}
	err = pool.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&version)
	return version, db.explain("read the journal's version", err)
}

// foreignTables is how many entries of the schema are the migrations' own
// bookkeeping: a first opening that was cut short leaves them, and nothing else.
const foreignTables = 2

func newestMigration() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("cannot find the journal's migrations: %v", err)
	}
	return goose.NumericComponent(names[len(names)-1])
}

// migrate brings the schema up to date. One process at a time does so.
func (db *DB) migrate(ctx context.Context) (err error) {
	lock, err := os.OpenFile(db.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // closing unlocks
	_, err = backoff.Retry(ctx, func() (any, error) {
		return nil, unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}, backoff.WithBackOff(backoff.NewConstantBackOff(20*time.Millisecond)), backoff.WithMaxElapsedTime(migrateWait))
	if err != nil {
		return fmt.Errorf("gave up after %v waiting for another seatrial that prepares it: %w", migrateWait, err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.writer, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(db.log))
	if err != nil {
		return err
	}
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	if err := db.emptyLog(ctx); !errors.Is(err, errRead) { // what a migration erased stands in it
		return err
	}
	return nil
}

// errRead is returned where somebody reads all the time, so that the log cannot be emptied.
var errRead = errors.New("it is done, but what was erased still lies in the journal's log, because something reads the journal all the time: do it again later")

// emptyLog moves what was written from SQLite's log into the file, and cuts the log to
// nothing, so that what was erased is nowhere any more.
func (db *DB) emptyLog(ctx context.Context) error {
	var busy, pages, moved int
	err := db.writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		return errRead
	}
	return err
}
