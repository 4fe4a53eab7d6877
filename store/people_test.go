package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/store"
)

var dawn = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// wantGone wants a word in no file below a folder, and wantThere in some.
func wantGone(t *testing.T, dir, word string) {
	t.Helper()
	if files := filesWith(t, dir, word); len(files) > 0 {
		t.Errorf("%q stands in %v", word, files)
	}
}

func wantThere(t *testing.T, dir, word string) {
	t.Helper()
	if len(filesWith(t, dir, word)) == 0 {
		t.Errorf("%q stands nowhere", word)
	}
}

func filesWith(t *testing.T, dir, word string) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if strings.Contains(content(t, path), word) {
			files = append(files, filepath.Base(path))
		}
	}
	return files
}

// remark is a comment of somebody on a forge.
func remark(forgeID string, id int64, who run.Person, body string) forge.Comment {
	return forge.Comment{
		Repo: forge.Repo{Forge: forgeID, Owner: "org", Name: "guestbook"}, Pull: 1, ID: id,
		Author: forge.Person{ID: who.ID, Login: who.Login}, Body: body, Created: dawn.Add(time.Duration(id) * time.Minute), Updated: dawn, URL: "http://forge.test/1",
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOfAnIgnoredCommentItsStateAloneIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	chat := remark("gitea", 1, run.Person{Login: "mallory-smith", ID: 987654321}, "call me at 5550123")
	if isNew, err := db.See(t.Context(), chat, ledger.Ignored); err != nil || !isNew {
		t.Fatal(isNew, err)
	}
	must(t, db.Close())
	for _, word := range []string{"mallory-smith", "5550123", "http://forge.test"} {
		wantGone(t, filepath.Dir(path), word)
	}
	db = open(t, path, store.Options{})
	if isNew, err := db.See(t.Context(), chat, ledger.Open); err != nil || isNew {
		t.Errorf("after a restart it is new: %v, %v", isNew, err)
	}
}

// before5 makes a journal one of the schema that kept every comment.
func before5(t *testing.T, path string) {
	t.Helper()
	raw(t, path, `DROP INDEX comments_remembered`, `DROP INDEX unenrolled_by_last`, `ALTER TABLE unenrolled RENAME TO strangers`,
		`CREATE INDEX strangers_by_last ON strangers (last)`, `ALTER TABLE trees DROP COLUMN behind`, `DELETE FROM goose_db_version WHERE version_id > 4`)
}

func TestOldJournalsLoseWhatTheyKeptOfIgnoredComments(t *testing.T) {
	path := closed(t)
	before5(t, path)
	raw(t, path, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
		INSERT INTO comments (forge, id, owner, name, pull, author_id, author, body, created, updated, url, state)
		SELECT 'gitea', (i * 7919) % 3001, 'org', 'guestbook', 1, 987654321, 'mallory-smith', 'call me at 5550123', '', '', 'u', iif(i % 100, 'ignored', 'decided') FROM n`,
		`UPDATE comments SET body = 'call me' WHERE id % 3 = 0`, `DELETE FROM comments WHERE id % 5 = 0`)
	wantThere(t, filepath.Dir(path), "5550123")
	raw(t, path, `UPDATE comments SET author = 'ada', body = '!testme' WHERE state = 'decided'`)

	db := open(t, path, store.Options{})
	wantGone(t, filepath.Dir(path), "5550123") // also while it is open
	wantGone(t, filepath.Dir(path), "mallory-smith")
	if isNew, err := db.See(t.Context(), remark("gitea", 7919%3001, run.Person{}, "!testme"), ledger.Open); err != nil || isNew {
		t.Errorf("a comment that was ignored is new: %v, %v", isNew, err)
	}
	if reports, err := db.Reports(t.Context(), journal.Filter{}); err != nil || len(reports) != 1 {
		t.Errorf("it holds %d runs, %v", len(reports), err)
	}
}

func TestWhoseOldCommandsAreIsErased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path, store.Options{})
	ctx, who := t.Context(), run.Person{Login: "ada-lovelace", ID: 987654321}
	for id := range int64(6) {
		_, err := db.See(ctx, remark("gitea", id+1, who, fmt.Sprint("!testme number ", id+1, " of many")), ledger.Open)
		must(t, err)
	}
	story := journaltest.Story(journaltest.Request("guestbook", 1))
	decide := func(id int64, d ledger.Decision, events ...run.Event) {
		if done, err := db.Decide(ctx, "gitea", id, d, events...); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	decide(1, ledger.Decision{Run: story[0].Run}, story...)
	decide(2, ledger.Decision{Refusal: "closed"})
	decide(3, ledger.Decision{Refusal: "closed"}) // is not answered yet
	decide(5, ledger.Decision{Run: story[0].Run}) // is young
	must(t, db.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.CommentKey("gitea", 2), Done: true}))

	for want := int64(2); want >= 0; want -= 2 {
		if n, err := db.ForgetComments(ctx, dawn.Add(4*time.Minute+time.Second)); err != nil || n != want {
			t.Errorf("erased %d, %v; want %d", n, err, want)
		}
	}
	for id, there := range []bool{false, false, true, true, true, true} {
		if word := fmt.Sprint("number ", id+1, " of"); (len(filesWith(t, filepath.Dir(path), word)) > 0) != there {
			t.Errorf("the text of comment %d: want it to be there: %v", id+1, there)
		}
	}
	c, ok, err := db.CommentOf(ctx, story[0].Run)
	if err != nil || !ok || c.ID != 1 || c.Repo.Name != "guestbook" || c.Author.Login != "" {
		t.Errorf("the comment of the run: %+v, %v, %v", c, ok, err)
	}
	if r, err := db.Report(ctx, story[0].Run); err != nil || r.Request.AskedBy.Login == "" {
		t.Errorf("the run has lost who asked: %+v, %v", r.Request, err)
	}
	if refused, err := db.RefusedComments(ctx); err != nil || len(refused) != 1 || refused[0].Author.Login != who.Login {
		t.Errorf("to be answered: %+v, %v", refused, err)
	}
}
