package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

var journalDawn = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

func fresh(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"), Options{})
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

// rows is the table of runs as text.
func rows(t *testing.T, db *DB) (all []string) {
	t.Helper()
	rows, err := db.pool.QueryContext(t.Context(), `SELECT concat_ws('|', id, recipe, forge, repo, pull, commit_hash, tree, state,
		asked_at, ended_at, last_position, asker, announced) FROM runs ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

func TestRebuildMakesTheTableOfRunsAnew(t *testing.T) {
	db := fresh(t)
	ctx := t.Context()
	for i := range 3 {
		story := journaltest.Story(journaltest.Request("guestbook", i))
		if err := db.Append(ctx, story[:5+5*i]...); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if err := db.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.RunKey(story[0].Run), Done: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := rows(t, db)
	reports, err := db.Reports(ctx, journal.Filter{})
	if err != nil || len(want) != 3 {
		t.Fatalf("%d runs, %v", len(want), err)
	}
	if err := db.exec(ctx, "spoil", `UPDATE runs SET recipe = 'x', state = 'y', tree = 'z', last_position = 1, asker = 99, announced = 0`); err != nil {
		t.Fatal(err)
	}
	if err := db.exec(ctx, "spoil", `DELETE FROM runs WHERE id = (SELECT min(id) FROM runs)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rows(t, db)); diff != "" {
		t.Errorf("runs (-before +rebuilt):\n%s", diff)
	}
	db.reports.Purge() // what is read is folded from the disk
	again, err := db.Reports(ctx, journal.Filter{})
	if diff := cmp.Diff(reports, again, cmpopts.IgnoreUnexported(run.Report{})); err != nil || diff != "" {
		t.Errorf("reports (-before +rebuilt), %v:\n%s", err, diff)
	}
}

func TestAFullDiskIsSaidAndLosesNothing(t *testing.T) {
	db := fresh(t)
	ctx := t.Context()
	story := journaltest.Story(journaltest.Request("guestbook", 1))
	if err := db.Append(ctx, story...); err != nil {
		t.Fatal(err)
	}
	// SQLite's own limit gives the error that a full disk gives.
	if _, err := db.writer.ExecContext(ctx, `PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	large := run.Event{Run: story[0].Run, Attempt: 2, Source: run.Harness, Seq: 1, Kind: run.KindWarning, Note: strings.Repeat("x", 1<<20)}
	err := db.Append(ctx, large)
	if err == nil || !strings.Contains(err.Error(), "is full: free some space") || !strings.Contains(err.Error(), db.path) {
		t.Errorf("Append = %v; want an error that names the full disk", err)
	}
	if events, err := db.Events(ctx, large.Run); err != nil || len(events) != len(story) {
		t.Errorf("%d events, %v; want %d", len(events), err, len(story))
	}
	if _, err := db.writer.ExecContext(ctx, `PRAGMA max_page_count = 1073741823`); err != nil {
		t.Fatal(err)
	}
	if err := db.Append(ctx, large); err != nil {
		t.Errorf("after there is room again: %v", err)
	}
}

func TestAReadOnlyJournalIsSaid(t *testing.T) {
	db := fresh(t)
	if _, err := db.writer.ExecContext(t.Context(), `PRAGMA query_only = 1`); err != nil {
		t.Fatal(err)
	}
	err := db.SetCursor(t.Context(), "org", "x")
	if err == nil || !strings.Contains(err.Error(), "cannot be written") || !strings.Contains(err.Error(), "--state") {
		t.Errorf("SetCursor = %v; want an error that says what to do", err)
	}
	db.inUse = false // which could not be written either
}

func TestEventsCannotBeChanged(t *testing.T) {
	db := fresh(t)
	if err := db.Append(t.Context(), journaltest.Story(journaltest.Request("guestbook", 1))...); err != nil {
		t.Fatal(err)
	}
	if err := db.exec(t.Context(), "rewrite history", `UPDATE events SET kind = 'ended'`); err == nil {
		t.Error("an event was changed")
	}
}

func TestAnsweringTheBadgeAgainCostsNoQuery(t *testing.T) {
	db := fresh(t)
	ctx := t.Context()
	story := journaltest.Story(journaltest.Request("guestbook", 1))
	repo := forge.Repo{Forge: "gitea", Owner: "org", Name: "guestbook"}
	if err := db.AddTrees(ctx, repo, []forge.Tree{{Commit: "c", Tree: "tree-of-guestbook-1"}}); err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context) (run.ID, bool, error) {
		r, _, ok, err := db.DefaultBranchReport(ctx, "gitea", "org/guestbook")
		return r.Request.ID, ok, err
	}
	if _, ok, err := ask(ctx); ok || err != nil {
		t.Fatalf("before the run: %v, %v", ok, err)
	}
	if err := db.Append(ctx, story...); err != nil {
		t.Fatal(err)
	}
	if id, ok, err := ask(ctx); id != story[0].Run || !ok || err != nil {
		t.Fatalf("after the run: %v, %v, %v", id, ok, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if id, ok, err := ask(cancelled); id != story[0].Run || !ok || err != nil {
		t.Errorf("asked again: %v, %v, %v; want the answer, without a query", id, ok, err)
	}
	if err := db.SetCursor(ctx, "org", "x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("asked after a write: %v; want a query, which cannot be made", err)
	}
}

func TestSweepsThatBringNothingNewWriteNothing(t *testing.T) {
	db := fresh(t)
	ctx := t.Context()
	repo := forge.Repo{Forge: "gitea", Owner: "org", Name: "guestbook"}
	comment := forge.Comment{Repo: repo, Pull: 1, ID: 1, Body: "hello"}
	var trees []forge.Tree
	for i := range 50 {
		trees = append(trees, forge.Tree{Commit: fmt.Sprint("c", i), Tree: fmt.Sprint("t", i)})
	}
	sweep := func() {
		if err := db.AddTrees(ctx, repo, trees); err != nil {
			t.Fatal(err)
		}
		if _, err := db.See(ctx, comment, ledger.Ignored); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	db.inUse = false // there is no writer any more that could say otherwise
	// Without a writer, whoever writes has nothing to write with.
	if err := db.writer.Close(); err != nil {
		t.Fatal(err)
	}
	sweep()
}

func TestTimesSortAsText(t *testing.T) {
	if got := encodeTime(journalDawn); got != "2026-05-04T08:00:00.000000000Z" {
		t.Errorf("encodeTime = %s", got)
	}
	late := journalDawn.AddDate(20000, 0, 0)
	if got := encodeTime(late); got != "9999-12-31T23:59:59.000000000Z" {
		t.Errorf("a time beyond the stamp is %s", got)
	}
	if got := encodeTime(journalDawn.AddDate(-9000, 0, 0)); got != "" {
		t.Errorf("a time before the stamp is %s", got)
	}
}
