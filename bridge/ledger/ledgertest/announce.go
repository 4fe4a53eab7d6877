package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

func announcements(t *testing.T, s Subject) {
	ctx := t.Context()
	if a, err := s.Announcement(ctx, "run:x"); err != nil || a != (ledger.Announcement{Key: "run:x"}) {
		t.Errorf("an unknown key: %+v, %v; want the zero value with the key", a, err)
	}
	if err := s.SetAnnouncement(ctx, ledger.Announcement{}); err == nil {
		t.Error("an announcement without a key was taken")
	}
	want := ledger.Announcement{
		Key: "run:x", CommentID: 1 << 40, Intent: true, BodyHash: "abc", Status: "pending waiting", Done: true, Tries: 3, UpdatedAt: at(5),
	}
	for _, a := range []ledger.Announcement{want, {Key: "run:x", UpdatedAt: at(6)}, want} {
		must(t, s.SetAnnouncement(ctx, a))
		got, err := s.Announcement(ctx, "run:x")
		same(t, "what was set", a, got, err)
	}
}

func unannounced(t *testing.T, s Subject) {
	ctx := t.Context()
	var want []run.ID
	for i := range 3 {
		r := journaltest.Request("guestbook", i)
		r.ID = run.NewID(at(i))
		must(t, s.Append(ctx, journaltest.Story(r)...))
		want = append(want, r.ID)
	}
	check := func(want ...run.ID) {
		t.Helper()
		got, err := s.Unannounced(ctx)
		same(t, "unannounced", want, got, err, cmpopts.EquateEmpty())
	}
	check(want...)
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.RunKey(want[0]), Intent: true}))
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.RunKey(want[1]), Done: true}))
	check(want[0], want[2])
	// More events of a run change nothing about what was said of it.
	must(t, s.Append(ctx, run.Event{Run: want[1], Attempt: 1, Source: run.Bridge, At: at(9), Kind: run.KindSwept}))
	check(want[0], want[2])
	// An announcement may be there before its run.
	early := journaltest.Request("guestbook", 9)
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.RunKey(early.ID), Done: true}))
	must(t, s.Append(ctx, journaltest.Story(early)...))
	check(want[0], want[2])
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: ledger.RunKey(want[1])}))
	check(want...)
}

func trees(t *testing.T, s Subject) {
	ctx := t.Context()
	must(t, s.AddTrees(ctx, repo, []forge.Tree{{Commit: "c1", Tree: "t1", At: at(1)}, {Commit: "c2", Tree: "t2", At: at(2)}}))
	must(t, s.AddTrees(ctx, repo, []forge.Tree{{Commit: "c2", Tree: "t2", At: at(2)}, {Commit: "c3", Tree: "t1"}, {Commit: "c4"}}))
	must(t, s.AddTrees(ctx, repo, nil))
	for _, c := range []struct {
		forge, repo, tree string
		want              bool
	}{
		{"gitea", "org/guestbook", "t1", true},
		{"gitea", "org/guestbook", "t2", true},
		{"gitea", "org/guestbook", "t3", false},
		{"gitea", "org/guestbook", "", false},
		{"gitea", "org/other", "t1", false},
		{"other", "org/guestbook", "t1", false},
	} {
		if got, err := s.OnDefaultBranch(ctx, c.forge, c.repo, c.tree); err != nil || got != c.want {
			t.Errorf("OnDefaultBranch(%s, %s, %q) = %v, %v; want %v", c.forge, c.repo, c.tree, got, err, c.want)
		}
	}
}

func audit(t *testing.T, s Subject) {
	var want []ledger.AuditEntry
	for i, what := range []string{"start", "refuse", "refuse"} {
		e := ledger.AuditEntry{At: at(i), Who: "ada", What: what, Subject: "org/guestbook#1", Why: "because"}
		must(t, s.Record(t.Context(), e))
		want = append([]ledger.AuditEntry{e}, want...)
	}
	for _, limit := range []int{2, 10} {
		got, err := s.AuditLog(t.Context(), limit)
		same(t, "the log", want[:min(limit, 3)], got, err)
	}
}

// story appends a run that was asked for, and ended, at the given minutes.
func story(t *testing.T, s Subject, recipe string, pull, asked, ended int) run.ID {
	t.Helper()
	r := journaltest.Request(recipe, pull)
	r.ID = run.NewID(at(60 * asked))
	events := journaltest.Story(r)
	if ended == 0 {
		events = events[:5]
	}
	for i := range events {
		events[i].At = at(60*max(asked, ended) + i)
	}
	must(t, s.Append(t.Context(), events...))
	return r.ID
}

func latestRuns(t *testing.T, s Subject) {
	if got, err := s.LatestRuns(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("LatestRuns of nothing = %v, %v", got, err)
	}
	story(t, s, "pocketbase", 1, 1, 9)
	pocketbase := story(t, s, "pocketbase", 2, 3, 0)
	guestbook := story(t, s, "guestbook", 1, 2, 4)
	got, err := s.LatestRuns(t.Context())
	var ids []run.ID
	for _, r := range got {
		ids = append(ids, r.Request.ID)
	}
	same(t, "the latest runs", []run.ID{guestbook, pocketbase}, ids, err)
}

func badge(t *testing.T, s Subject) {
	ctx := t.Context()
	want := func(want run.ID, wantBehind int) {
		t.Helper()
		r, behind, ok, err := s.DefaultBranchReport(ctx, "gitea", "org/guestbook")
		if err != nil || ok != (want != "") || r.Request.ID != want || behind != wantBehind {
			t.Errorf("DefaultBranchReport = %q, %d behind, %v, %v; want %q, %d behind", r.Request.ID, behind, ok, err, want, wantBehind)
		}
	}
	branch := func(pulls ...int) { // the trees of its latest commits, newest first
		t.Helper()
		var trees []forge.Tree
		for _, n := range pulls {
			tree := fmt.Sprintf("tree-of-guestbook-%d", n)
			trees = append(trees, forge.Tree{Commit: "c" + tree, Tree: tree, At: time.Now()})
		}
		must(t, s.AddTrees(ctx, repo, trees))
	}
	want("", 0)
	slow := story(t, s, "guestbook", 1, 1, 9)
	want("", 0) // a pull request's own result is not the branch's
	branch(1)
	want(slow, 0) // merged unchanged
	branch(5, 4, 1)
	want(slow, 2) // pushed since, and not tested
	branch()
	want(slow, 2)
	quick := story(t, s, "guestbook", 2, 2, 3)
	branch(2, 5, 4, 1)
	want(quick, 0) // it ended before the other one, and is the tip's
	story(t, s, "guestbook", 3, 10, 0)
	branch(3, 2, 5)
	want(quick, 1) // the tip's has not ended
	later := story(t, s, "guestbook", 2, 11, 12)
	want(later, 1)
	story(t, s, "guestbook", 7, 13, 14)
	story(t, s, "other", 2, 15, 16)
	want(later, 1)
	branch(6, 5)
	want(later, -1) // it is farther back than is read
	branch(2, 6, 2)
	want(later, 0) // taken back
	if r, err := s.Report(ctx, quick); err != nil || r.State != run.Ended {
		t.Errorf("the quick run: %v, %v", r.State, err)
	}
}

func hostileText(t *testing.T, s Subject) {
	for i, text := range []string{"'; DROP TABLE comments; --", "nul\x00byte", "\u202eright to left", "<script>&amp;</script>", "%", "𐍈 🚢", "\xff\xfe not UTF-8"} {
		c := comment(int64(i + 1))
		c.Body, c.Author.Login, c.URL = text, text, text
		_, err := s.See(t.Context(), c, ledger.Open)
		must(t, err)
		must(t, s.SetCursor(t.Context(), text, forge.Cursor(text)))
		cursor, err := s.Cursor(t.Context(), text)
		if err != nil || cursor != forge.Cursor(text) {
			t.Errorf("the cursor %q came back as %q, %v", text, cursor, err)
		}
		open, err := s.OpenComments(t.Context())
		must(t, err)
		same(t, text, c, open[i].Comment, nil)
	}
}
