package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"seatrial/harness/journal/journaltest"
)

// hold takes every connection of a pool until the test ends.
func hold(t *testing.T, pool *sql.DB, connections int) {
	t.Helper()
	for range connections {
		tx, err := pool.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Rollback() })
	}
}

func TestNobodyWaitsForAnotherToRead(t *testing.T) {
	const enough = 10 * time.Second
	for name, busy := range map[string]func(*testing.T, *DB){
		"pages":  func(t *testing.T, db *DB) { hold(t, db.pages.pool, pageReaders) },
		"bridge": func(t *testing.T, db *DB) { hold(t, db.pool, readers-1) }, // one watches
		"writer": func(t *testing.T, db *DB) { hold(t, db.writer, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			db := fresh(t)
			story := journaltest.Story(journaltest.Request("guestbook", 1))
			if err := db.Append(t.Context(), story...); err != nil {
				t.Fatal(err)
			}
			db.reports.Purge()
			busy(t, db)
			ctx, cancel := context.WithTimeout(t.Context(), enough)
			defer cancel()
			for who, reader := range map[string]*Reader{"bridge": &db.Reader, "pages": db.Pages()} {
				if who == name {
					continue
				}
				if r, err := reader.Report(ctx, story[0].Run); err != nil || r.Request.Recipe != "guestbook" {
					t.Errorf("while the %s is busy, the %s cannot read: %v", name, who, err)
				}
			}
		})
	}
}

func TestAPageThatNobodyWaitsForIsNotRead(t *testing.T) {
	db := fresh(t)
	hold(t, db.pages.pool, pageReaders)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Pages().LatestRuns(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("LatestRuns = %v; want that its context ended", err)
	}
}
