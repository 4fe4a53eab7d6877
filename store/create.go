package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// create makes the file if it is not there, for our eyes only. Whatever is wrong with
// the place, or with what lies in it, is said by the operating system and not by SQLite.
func (db *DB) create(ctx context.Context) error {
	for _, beside := range []string{"-wal", "-shm", ".lock"} {
		if info, err := os.Stat(db.path + beside); err == nil && !info.Mode().IsRegular() {
			return db.unusable(beside, kind(info)+", where a file should be: move it away")
		}
	}
	info, err := os.Stat(db.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return db.begin(ctx)
	case err != nil:
		return fmt.Errorf("cannot open the journal: %w: look at the rights of the file and its folder, or choose another --state", err)
	case !info.Mode().IsRegular():
		return db.unusable("", kind(info)+", where a file should be: move it away, or choose another --state")
	case info.Size() <= 1: // a file of ours never was; SQLite takes also a single byte for nothing
		return db.damaged("open the journal", errors.New("it is empty"))
	}
	if err := unix.Access(db.path, unix.R_OK); err != nil {
		return db.unusable("", fmt.Sprintf("not readable (%v): look at the rights of the file and its folder", err))
	}
	return nil
}

func (s *shared) unusable(beside, is string) error {
	return fmt.Errorf("cannot open the journal: %s is %s", s.path+beside, is)
}

func kind(info fs.FileInfo) string {
	if info.IsDir() {
		return "a directory"
	}
	return "not a regular file"
}

// begin puts an empty database of ours in its place, whole or not at all: a crash leaves
// no empty file, which would look like a journal that was lost.
func (db *DB) begin(ctx context.Context) error {
	file, err := os.CreateTemp(filepath.Dir(db.path), ".journal-*")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot make the journal at %s: there is no such folder: make it, or choose another --state", db.path)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("cannot make the journal at %s: the disk is full: free some space, or choose another --state", db.path)
	case errors.Is(err, unix.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot make the journal at %s: its folder cannot be written (%w): change that, or choose another --state", db.path, err)
	case err != nil:
		return fmt.Errorf("cannot make the journal: %w", err)
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return fmt.Errorf("cannot make the journal: %w", err)
	}
	first := &shared{path: file.Name()}
	pool, err := sql.Open("sqlite", first.dsn("_journal_mode=MEMORY&_synchronous=NORMAL"))
	if err == nil {
		_, err = pool.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID))
		err = errors.Join(err, pool.Close())
	}
	if err != nil {
		return db.explain("make the journal", err)
	}
	if err := os.Link(file.Name(), db.path); err != nil && !errors.Is(err, fs.ErrExist) { // another process may have been faster
		return fmt.Errorf("cannot make the journal: %w", err)
	}
	return nil
}
