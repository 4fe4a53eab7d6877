package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"seatrial/harness/journal/journaltest"
)

// patience is more than any query of these tests takes.
const patience = 10 * time.Second

// hold takes connections of a pool, and begins something on each, until the test ends.
func hold(t *testing.T, pool *sql.DB, connections int, begin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range connections {
		conn, err := pool.Conn(ctx)
		if err == nil {
			t.Cleanup(func() {
				_, _ = conn.ExecContext(context.Background(), `ROLLBACK`) // it may not have begun
				_ = conn.Close()
			})
			_, err = conn.ExecContext(ctx, begin)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestNobodyWaitsForAnotherToRead(t *testing.T) {
	for name, busy := range map[string]func(*testing.T, *DB){
		"pages":  func(t *testing.T, db *DB) { hold(t, db.pages.pool, pageReaders, `BEGIN`) },
		"bridge": func(t *testing.T, db *DB) { hold(t, db.pool, readers-1, `BEGIN`) }, // one watches
		"writer": func(t *testing.T, db *DB) { hold(t, db.writer, 1, `BEGIN IMMEDIATE`) },
	} {
		t.Run(name, func(t *testing.T) {
			db := fresh(t)
			story := journaltest.Story(journaltest.Request("guestbook", 1))
			if err := db.Append(t.Context(), story...); err != nil {
				t.Fatal(err)
			}
			db.reports.Purge()
			busy(t, db)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
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
	hold(t, db.pages.pool, pageReaders, `BEGIN`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Pages().LatestRuns(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("LatestRuns = %v; want that its context ended", err)
	}
}
