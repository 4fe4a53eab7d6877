package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seatrial/bridge/ledger/ledgertest"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/store"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(otherProcess); path != "" {
		fmt.Fprintln(os.Stderr, appendForEver(path))
		os.Exit(1)
	}
	// What is asked here is what a process leaves that is killed, never what a disk loses: files
	// lie in memory, or each of thousands of transactions would wait for a disk.
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		os.Setenv("GOTMPDIR", "/dev/shm") // of T.TempDir
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// fresh is an empty journal.
func fresh(t testing.TB) *store.DB {
	t.Helper()
	return open(t, empty(t, t.TempDir()), store.Options{})
}

// empty puts the file of an empty journal into a folder. It was made once: to make one takes
// far longer than most of what is asked of it.
func empty(t rapid.TB, dir string) (path string) {
	t.Helper()
	made, err := makeEmpty()
	if err == nil {
		path = filepath.Join(dir, "journal.db")
		err = os.WriteFile(path, made, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var makeEmpty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "journal-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "journal.db")
	db, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func TestJournal(t *testing.T) {
	journaltest.Contract(t, func(t *testing.T) journal.Journal { return fresh(t) })
}

func TestLedger(t *testing.T) {
	ledgertest.Contract(t, func(t *testing.T) ledgertest.Subject { return fresh(t) })
}
