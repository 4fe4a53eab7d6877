package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/store"
)

// ada is the person who is to be forgotten.
var ada = run.Account{Person: run.Person{Login: "ada-lovelace"}}

// asked is a story of a run that somebody asked for on a forge, until it ended or before.
func asked(n int, forgeID string, who run.Person, ended bool) []run.Event {
	r := journaltest.Request("guestbook", n)
	r.ID, r.Code.Forge, r.AskedBy = run.ID(fmt.Sprintf("01k9zq3v8e2m4n6p8r0t2v%04d", n)), forgeID, who
	story := journaltest.Story(r)
	if !ended {
		return story[:3]
	}
	return story
}

// peopled is a journal in which a person left every kind of trace, among those of others.
func peopled(t *testing.T) (path string, db *store.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.db")
	db = open(t, path, store.Options{})
	ctx, eve := t.Context(), run.Person{Login: "eve", ID: 9}
	me, formerly := run.Person{Login: "Ada-Lovelace", ID: 987654321}, run.Person{Login: "ada-byron", ID: 987654321}
	note := func(n int, forgeID string, kind run.Kind, note string) {
		must(t, db.Append(ctx, run.Event{Run: asked(n, forgeID, eve, true)[0].Run, Source: run.Bridge, At: dawn, Kind: kind, Note: note}))
	}
	must(t, db.Append(ctx, asked(1, "gitea", me, true)...))
	must(t, db.Append(ctx, asked(2, "gitea", formerly, true)...))
	must(t, db.Append(ctx, asked(3, "gitea", eve, true)...))
	note(3, "gitea", run.KindJoined, "ada-lovelace")
	note(3, "gitea", run.KindJoined, "grace")
	note(3, "gitea", run.KindCancelAsked, "ada-byron: wrong branch")
	must(t, db.Append(ctx, asked(4, "gitea", eve, true)...))
	for i, who := range []run.Person{me, formerly, eve} {
		id := int64(i + 1)
		_, err := db.See(ctx, remark("gitea", id, who, "!testme"), ledger.Open)
		must(t, err)
		_, err = db.Decide(ctx, "gitea", id, ledger.Decision{Refusal: "approval-needed grace ada-lovelace #987654321 team/owners"})
		must(t, err)
		must(t, db.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.CommentKey("gitea", id), Done: true}))
		must(t, db.Record(ctx, ledger.AuditEntry{At: dawn, Who: who.Login, What: "refuse", Subject: fmt.Sprintf("gitea org/guestbook#1 comment %d", id), Why: "closed"}))
	}
	_, err := db.DecideAsk(ctx, ledger.Ask{Key: "k", What: "gitea org/guestbook#1", At: dawn, Who: "ada-lovelace", Decision: ledger.Decision{Refusal: "closed"}})
	must(t, err)
	return path, db
}

func TestAPersonIsForgotten(t *testing.T) {
	path, db := peopled(t)
	ctx, dir := t.Context(), filepath.Dir(path)
	beside, err := store.Open(ctx, path, store.Options{Light: true})
	must(t, err)
	defer beside.Close()
	id := asked(1, "gitea", run.Person{}, true)[0].Run
	before, err := beside.Report(ctx, id) // which it remembers
	must(t, err)
	eves, err := db.Events(ctx, asked(4, "gitea", run.Person{}, true)[0].Run)
	must(t, err)

	dry, err := db.Forget(ctx, ada, dawn, true)
	must(t, err)
	wantThere(t, dir, "ada-lovelace")
	f, err := db.Forget(ctx, ada, dawn, false)
	must(t, err)
	for _, got := range []store.Forgotten{dry, f} {
		if len(got.Runs) != 3 || got.Comments != 3 || got.Asks != 1 || got.Audit != 2 || len(got.OpenRuns)+got.OpenComments != 0 ||
			!slices.Equal(got.Forges(), []string{"gitea"}) || len(got.Accounts) != 3 {
			t.Errorf("forgotten: %+v", got)
		}
	}
	for _, word := range []string{"ada-lovelace", "Ada-Lovelace", "ada-byron", "987654321"} {
		wantGone(t, dir, word)
	}
	wantThere(t, dir, "eve")
	wantThere(t, dir, "grace")
	wantThere(t, dir, "wrong branch")

	// What the run came to is what it was, for whoever had read it before, too.
	for name, reader := range map[string]journal.Reader{"this process": db, "another": beside, "pages": db.Pages()} {
		r, err := reader.Report(ctx, id)
		if err != nil || r.Request.AskedBy != (run.Person{Login: run.Somebody}) {
			t.Errorf("%s: asked by %+v, %v", name, r.Request.AskedBy, err)
		}
		if r.Verdict() != before.Verdict() || r.Level() != before.Level() || r.State != run.Ended || !r.EndedAt.Equal(before.EndedAt) {
			t.Errorf("%s: the run is another: %+v", name, r)
		}
	}
	joined, err := db.Report(ctx, asked(3, "gitea", run.Person{}, true)[0].Run)
	if err != nil || !slices.Equal(joined.Joined, []string{run.Somebody, "grace"}) || joined.CancelAsked != "somebody: wrong branch" || joined.Request.AskedBy.Login != "eve" {
		t.Errorf("joined by %v, cancelled by %q, %v", joined.Joined, joined.CancelAsked, err)
	}
	if his, err := db.Reports(ctx, journal.Filter{Forge: "gitea", Asker: 987654321}); err != nil || len(his) != 0 {
		t.Errorf("%d runs are theirs, %v", len(his), err)
	}
	if now, err := db.Events(ctx, eves[0].Run); err != nil || len(now) != len(eves) {
		t.Errorf("another's run has %d events, had %d (%v)", len(now), len(eves), err)
	}
	must(t, db.Rebuild(ctx))

	again, err := db.Forget(ctx, ada, dawn, false)
	if err != nil || len(again.Runs)+again.Comments+again.Asks+again.Audit != 0 {
		t.Errorf("forgotten again: %+v, %v", again, err)
	}
	beside.Close()
	if err := tryRaw(path, `UPDATE events SET body = '{}'`); err == nil || !strings.Contains(err.Error(), "never change") {
		t.Errorf("afterwards events can be changed: %v", err)
	}
}

func TestAPersonIsForgottenByNumberAndOnOneForge(t *testing.T) {
	_, db := peopled(t)
	ctx := t.Context()
	must(t, db.Append(ctx, asked(5, "github", run.Person{Login: "ada-lovelace", ID: 12}, true)...))
	f, err := db.Forget(ctx, ada, dawn, true)
	if err != nil || !slices.Equal(f.Forges(), []string{"gitea", "github"}) {
		t.Errorf("known on %v, %v", f.Forges(), err)
	}
	f, err = db.Forget(ctx, run.Account{Forge: "github", Person: ada.Person}, dawn, false)
	if err != nil || len(f.Runs) != 1 || f.Comments+f.Asks+f.Audit != 0 {
		t.Errorf("on one forge: %+v, %v", f, err)
	}
	f, err = db.Forget(ctx, run.Account{Person: run.Person{ID: 987654321}}, dawn, false)
	if err != nil || len(f.Runs) != 3 || f.Comments != 3 || f.Audit != 2 {
		t.Errorf("by number: %+v, %v", f, err)
	}
}

func TestWhatIsNotOverIsLeft(t *testing.T) {
	db := fresh(t)
	ctx, me := t.Context(), run.Person{Login: "ada-lovelace", ID: 987654321}
	story := asked(1, "gitea", me, false)
	must(t, db.Append(ctx, story...))
	for id := range int64(2) {
		_, err := db.See(ctx, remark("gitea", id+1, me, "!testme"), ledger.Open)
		must(t, err)
	}
	_, err := db.Decide(ctx, "gitea", 1, ledger.Decision{Refusal: "closed"}) // nobody has answered yet
	must(t, err)
	f, err := db.Forget(ctx, ada, dawn, false)
	if err != nil || len(f.Runs)+f.Comments != 0 || !slices.Equal(f.OpenRuns, []run.ID{story[0].Run}) || f.OpenComments != 2 {
		t.Errorf("forgotten: %+v, %v", f, err)
	}
	if r, err := db.Report(ctx, story[0].Run); err != nil || r.Request.AskedBy != me {
		t.Errorf("a run that lives was asked for by %+v, %v", r.Request.AskedBy, err)
	}
	must(t, db.Append(ctx, asked(1, "gitea", me, true)...))
	if f, err = db.Forget(ctx, ada, dawn, false); err != nil || len(f.Runs) != 1 || len(f.OpenRuns) != 0 {
		t.Errorf("once it ended: %+v, %v", f, err)
	}
}

// A page of the file is rewritten when its rows grow and shrink; what was erased must not
// stay behind in the gaps.
func TestNothingIsLeftInTheGapsOfALargeFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path, store.Options{})
	ctx := t.Context()
	for n := range 120 {
		who := run.Person{Login: fmt.Sprint("user-", n%7), ID: int64(n % 7)}
		if n%3 == 0 {
			who = run.Person{Login: "ada-lovelace", ID: 987654321}
		}
		must(t, db.Append(ctx, asked(n, "gitea", who, true)...))
		id := int64(n*7919%1009 + 1)
		_, err := db.See(ctx, remark("gitea", id, who, "!testme please"), ledger.Open)
		must(t, err)
		_, err = db.Decide(ctx, "gitea", id, ledger.Decision{Run: asked(n, "gitea", who, true)[0].Run})
		must(t, err)
		must(t, db.Record(ctx, ledger.AuditEntry{At: dawn, Who: who.Login, What: "start", Subject: "gitea org/guestbook#1", Why: "because"}))
	}
	if f, err := db.Forget(ctx, ada, dawn, false); err != nil || len(f.Runs) != 40 || f.Comments != 40 {
		t.Fatalf("%d runs, %d comments, %v", len(f.Runs), f.Comments, err)
	}
	wantGone(t, filepath.Dir(path), "ada-lovelace")
	if n, err := db.ForgetComments(ctx, dawn.AddDate(1, 0, 0)); err != nil || n != 80 {
		t.Fatalf("erased %d, %v", n, err)
	}
	wantGone(t, filepath.Dir(path), "!testme please")
}

func TestAFailureForgetsNobodyHalf(t *testing.T) {
	path, db := peopled(t)
	raw(t, path, `CREATE TRIGGER fails BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'no more'); END`)
	if _, err := db.Forget(t.Context(), ada, dawn, false); err == nil || !strings.Contains(err.Error(), "cannot forget a person") {
		t.Fatalf("Forget = %v; want the error", err)
	}
	r, err := db.Report(t.Context(), asked(1, "gitea", run.Person{}, true)[0].Run)
	if err != nil || r.Request.AskedBy.ID != 987654321 {
		t.Errorf("half of it was done: %+v, %v", r.Request.AskedBy, err)
	}
}
