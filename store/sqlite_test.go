package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

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

func fresh(t testing.TB) *store.DB {
	return open(t, filepath.Join(t.TempDir(), "journal.db"), store.Options{})
}

func TestJournal(t *testing.T) {
	journaltest.Contract(t, func(t *testing.T) journal.Journal { return fresh(t) })
}

func TestLedger(t *testing.T) {
	ledgertest.Contract(t, func(t *testing.T) ledgertest.Subject { return fresh(t) })
}
