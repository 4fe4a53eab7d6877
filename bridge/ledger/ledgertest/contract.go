package ledgertest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Subject is what the contract is held against: a ledger, its journal, and what
// the dashboard asks of both.
type Subject interface {
	ledger.Ledger
	journal.Journal
	OnDefaultBranch(ctx context.Context, forgeID, repo, tree string) (bool, error)
	LatestRuns(ctx context.Context) ([]run.Report, error)
	DefaultBranchReport(ctx context.Context, forgeID, repo string) (r run.Report, behind int, ok bool, err error)
	AuditLog(ctx context.Context, limit int) ([]ledger.AuditEntry, error)
}

// Contract holds a ledger against what the interfaces promise. open returns an
// empty one, and closes it with the test.
func Contract(t *testing.T, open func(t *testing.T) Subject) {
	for _, c := range []struct {
		sentence string
		test     func(*testing.T, Subject)
	}{
		{"a scope that was never read has an empty cursor", cursors},
		{"a comment is new once, and does not change when it is seen again", seenOnce},
		{"a comment begins ignored or open", seenStates},
		{"a comment that was ignored never becomes a command", ignoredForGood},
		{"comments without a decision are listed, oldest first", openComments},
		{"the eyes and the postponements are remembered", remembersSigns},
		{"a comment that was never seen can be neither marked nor decided", unseen},
		{"a run exists exactly if its comment is decided", decidesWithEvents},
		{"a decision that cannot be appended is not made", decidesAllOrNone},
		{"a comment is decided once, also by many at once", decidesOnce},
		{"a decision is a run or a refusal", decisionIsOne},
		{"the comment of a run is the one that started it, not one that joined", commentOf},
		{"a refused comment is listed until its refusal was announced", refused},
		{"an announcement comes back as it was", announcements},
		{"a run is unannounced until its last word was said", unannounced},
		{"trees are on the default branch of their own repository alone", trees},
		{"the audit journal keeps every entry, newest first", audit},
		{"repositories that are not enrolled are remembered, the latest of them", unenrolled},
		{"an ask is decided once, and its answer comes back", asksOnce},
		{"an ask that cannot be recorded makes no run", asksAllOrNone},
		{"the answer to an ask is kept for a day", asksForgotten},
		{"a run exists once, however many ask with the same key at once", asksByMany},
		{"the latest run of each recipe", latestRuns},
		{"the badge shows the run that ended last, of a tree on the default branch", badge},
		{"hostile text comes back as it was", hostileText},
	} {
		t.Run(c.sentence, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var repo = forge.Repo{Forge: "gitea", Owner: "org", Name: "guestbook"}

func at(seconds int) time.Time {
	return time.Date(2026, 5, 4, 8, 0, seconds, 0, time.UTC)
}

func comment(id int64) forge.Comment {
	return forge.Comment{
		Repo: repo, Pull: 1, ID: id, Author: forge.Person{ID: 7, Login: "ada"}, Body: "!testme",
		Created: at(int(id)), Updated: at(int(id)), URL: "http://forge.test/org/guestbook/pulls/1#issuecomment-1",
	}
}

func see(t *testing.T, s Subject, state ledger.State, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		if isNew, err := s.See(t.Context(), comment(id), state); err != nil || !isNew {
			t.Fatalf("See(%d) = %v, %v; want true", id, isNew, err)
		}
	}
}

func ids(comments []ledger.Comment) (ids []int64) {
	for _, c := range comments {
		ids = append(ids, c.ID)
	}
	return ids
}

func wantOpen(t *testing.T, s Subject, want ...int64) []ledger.Comment {
	t.Helper()
	got, err := s.OpenComments(t.Context())
	same(t, "open comments", want, ids(got), err)
	return got
}

func same[T any](t *testing.T, what string, want, got T, err error, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, options...); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func cursors(t *testing.T, s Subject) {
	ctx := t.Context()
	if c, err := s.Cursor(ctx, "org"); err != nil || c != "" {
		t.Errorf("Cursor = %q, %v; want an empty one", c, err)
	}
	must(t, s.SetCursor(ctx, "org", "one"))
	must(t, s.SetCursor(ctx, "org/guestbook", "two"))
	must(t, s.SetCursor(ctx, "org", "three"))
	for scope, want := range map[string]forge.Cursor{"org": "three", "org/guestbook": "two", "Org": ""} {
		if c, err := s.Cursor(ctx, scope); err != nil || c != want {
			t.Errorf("Cursor(%q) = %q, %v; want %q", scope, c, err, want)
		}
	}
}

func seenOnce(t *testing.T, s Subject) {
	see(t, s, ledger.Open, 5)
	edited := comment(5)
	edited.Body, edited.Updated = "something else", at(50)
	if isNew, err := s.See(t.Context(), edited, ledger.Ignored); err != nil || isNew {
		t.Errorf("a known comment: See = %v, %v; want false", isNew, err)
	}
	got := wantOpen(t, s, 5)
	same(t, "the comment as it was first seen", []ledger.Comment{{Comment: comment(5), State: ledger.Open}}, got, nil)
	elsewhere := comment(5)
	elsewhere.Repo.Forge = "other"
	if isNew, err := s.See(t.Context(), elsewhere, ledger.Ignored); err != nil || !isNew {
		t.Errorf("the same number on another forge: See = %v, %v; want true", isNew, err)
	}
}

func ignoredForGood(t *testing.T, s Subject) {
	see(t, s, ledger.Ignored, 5)
	if isNew, err := s.See(t.Context(), comment(5), ledger.Open); err != nil || isNew {
		t.Errorf("an ignored comment: See = %v, %v; want false", isNew, err)
	}
	wantOpen(t, s)
	if done, err := s.Decide(t.Context(), "gitea", 5, ledger.Decision{Refusal: "closed"}); err != nil || done {
		t.Errorf("an ignored comment: Decide = %v, %v; want false", done, err)
	}
}

func seenStates(t *testing.T, s Subject) {
	if _, err := s.See(t.Context(), comment(1), ledger.Decided); err == nil {
		t.Error("a comment was decided when it was first seen")
	}
	nameless := comment(1)
	nameless.Repo.Forge = ""
	if _, err := s.See(t.Context(), nameless, ledger.Open); err == nil {
		t.Error("a comment of no forge was recorded")
	}
	wantOpen(t, s)
}

func openComments(t *testing.T, s Subject) {
	see(t, s, ledger.Open, 9, 3)
	see(t, s, ledger.Ignored, 4)
	see(t, s, ledger.Open, 6)
	wantOpen(t, s, 3, 6, 9)
}

func remembersSigns(t *testing.T, s Subject) {
	ctx := t.Context()
	see(t, s, ledger.Open, 1)
	must(t, s.Reacted(ctx, "gitea", 1))
	must(t, s.Postpone(ctx, "gitea", 1, at(30)))
	must(t, s.Postpone(ctx, "gitea", 1, at(60)))
	got := wantOpen(t, s, 1)[0]
	if !got.Reacted || got.Tries != 2 || !got.NotBefore.Equal(at(60)) {
		t.Errorf("remembered %+v; want reacted, 2 tries, not before %v", got, at(60))
	}
}

func unseen(t *testing.T, s Subject) {
	ctx := t.Context()
	_, err := s.Decide(ctx, "gitea", 1, ledger.Decision{Refusal: "closed"})
	for name, err := range map[string]error{
		"Reacted": s.Reacted(ctx, "gitea", 1), "Postpone": s.Postpone(ctx, "gitea", 1, at(1)), "Decide": err,
	} {
		if err == nil {
			t.Errorf("%s of a comment that was never seen: no error", name)
		}
	}
}
