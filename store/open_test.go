package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/store"
)

// wantRefused opens what must not open, and returns what the operator reads.
func wantRefused(t *testing.T, path string, o store.Options, words ...string) error {
	t.Helper()
	db, err := store.Open(t.Context(), path, o)
	if err == nil {
		db.Close()
		t.Fatalf("%s was opened", path)
	}
	for _, word := range append(words, path) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	return err
}

// raw changes a journal past us.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	if err := tryRaw(path, statements...); err != nil {
		t.Fatal(err)
	}
}

func tryRaw(path string, statements ...string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// closed makes a journal with one run in it, and closes it.
func closed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Append(t.Context(), journaltest.Story(journaltest.Request("guestbook", 1))...); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenRefusesANewerJournalAndLeavesItAlone(t *testing.T) {
	path := closed(t)
	raw(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (8, 1)`)
	before := content(t, path)
	err := wantRefused(t, path, store.Options{})
	want := "the journal at " + path + " was written by a newer seatrial (schema 8, this one knows 7): use that version, or another --state"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %v", err, want)
	}
	if newer := new(store.NewerError); !errors.As(err, &newer) || newer.Schema != 8 {
		t.Errorf("%#v is no NewerError", err)
	}
	if content(t, path) != before {
		t.Error("the file was changed")
	}
}

func TestOpenRefusesAnotherProgramsDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "theirs.db")
	raw(t, path, `CREATE TABLE users (name TEXT)`)
	before := content(t, path)
	wantRefused(t, path, store.Options{}, "not a journal of seatrial's")
	if content(t, path) != before {
		t.Error("the file was changed")
	}
}

func TestOpenRefusesPlacesThatCannotHoldAJournal(t *testing.T) {
	wantRefused(t, filepath.Join(t.TempDir(), "missing", "journal.db"), store.Options{}, "no such folder", "--state")
}

func TestOpenFindsOddPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "50% of #1? a b&mode=memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "journal.db")
	open(t, path, store.Options{})
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		t.Fatalf("the journal is not where it was asked for: %v", err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("others may read the journal: %v", mode)
	}
}

func TestOpenByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			db, err := store.Open(t.Context(), path, store.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Append(t.Context(), journaltest.Story(journaltest.Request("guestbook", i))...); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last, err := open(t, path, store.Options{Light: true}).Last(t.Context())
	if err != nil || last < 6 {
		t.Errorf("Last = %d, %v", last, err)
	}
}

func TestOpenAfterAFirstOpeningThatWasCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	raw(t, path, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)`)
	db := open(t, path, store.Options{})
	if last, err := db.Last(t.Context()); err != nil || last != 0 {
		t.Errorf("Last = %d, %v", last, err)
	}
}

func TestOpenBringsAnOlderJournalUpToDate(t *testing.T) {
	path := closed(t)
	raw(t, path, `DROP TABLE unenrolled`, `DROP TABLE asks`, `DROP INDEX runs_of_person`, `DROP INDEX comments_remembered`,
		`ALTER TABLE runs DROP COLUMN asker`, `ALTER TABLE trees DROP COLUMN behind`, `DELETE FROM goose_db_version WHERE version_id > 1`)
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runs, err := db.Reports(t.Context(), journal.Filter{})
	if err != nil || len(runs) != 1 {
		t.Fatalf("it holds %d runs, %v", len(runs), err)
	}
	asker := runs[0].Request.AskedBy.ID
	if his, err := db.Reports(t.Context(), journal.Filter{Asker: asker}); err != nil || len(his) != 1 || asker == 0 {
		t.Errorf("person %d asked for %d runs, %v", asker, len(his), err)
	}
	if err := db.SeeUnenrolled(t.Context(), forge.Repo{Forge: "gitea", Owner: "org", Name: "wiki"}, time.Now()); err != nil {
		t.Error(err)
	}
	if all, err := db.Unenrolled(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("it knows the unenrolled %v, %v", all, err)
	}
}
