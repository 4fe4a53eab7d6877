package ledgertest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

// decide lets a comment start a run, and returns the run.
func decide(t *testing.T, s Subject, comment int64) run.ID {
	t.Helper()
	story := journaltest.Story(journaltest.Request("guestbook", int(comment)))
	done, err := s.Decide(t.Context(), "gitea", comment, ledger.Decision{Run: story[0].Run}, story[0])
	if err != nil || !done {
		t.Fatalf("Decide = %v, %v; want true", done, err)
	}
	return story[0].Run
}

func decidesWithEvents(t *testing.T, s Subject) {
	see(t, s, ledger.Open, 1)
	id := decide(t, s, 1)
	wantOpen(t, s)
	if events, err := s.Events(t.Context(), id); err != nil || len(events) != 1 {
		t.Errorf("Events = %v, %v; want the request", events, err)
	}
	if r, err := s.Report(t.Context(), id); err != nil || r.Request.ID != id {
		t.Errorf("Report = %+v, %v", r, err)
	}
}

func decidesAllOrNone(t *testing.T, s Subject) {
	see(t, s, ledger.Open, 1)
	story := journaltest.Story(journaltest.Request("guestbook", 1))
	bad := story[1]
	bad.Kind = ""
	done, err := s.Decide(t.Context(), "gitea", 1, ledger.Decision{Run: bad.Run}, story[0], bad)
	if err == nil || done {
		t.Fatalf("Decide = %v, %v; want an error", done, err)
	}
	wantOpen(t, s, 1)
	if _, err := s.Events(t.Context(), bad.Run); !errors.Is(err, journal.ErrUnknownRun) {
		t.Errorf("Events = %v; want ErrUnknownRun", err)
	}
	if _, ok, err := s.CommentOf(t.Context(), bad.Run); ok || err != nil {
		t.Errorf("CommentOf = %v, %v; want false", ok, err)
	}
	decide(t, s, 1)
}

func decidesOnce(t *testing.T, s Subject) {
	see(t, s, ledger.Open, 1)
	see(t, s, ledger.Ignored, 2)
	var wg sync.WaitGroup
	var winners atomic.Int32
	for range 8 {
		wg.Go(func() {
			story := journaltest.Story(journaltest.Request("guestbook", 1))
			done, err := s.Decide(t.Context(), "gitea", 1, ledger.Decision{Run: story[0].Run}, story[0])
			if err != nil {
				t.Error(err)
			}
			if done {
				winners.Add(1)
			}
		})
	}
	wg.Wait()
	reports, err := s.Reports(t.Context(), journal.Filter{})
	if winners.Load() != 1 || len(reports) != 1 || err != nil {
		t.Errorf("%d decisions were made and %d runs exist (%v); want one of each", winners.Load(), len(reports), err)
	}
	for _, id := range []int64{1, 2} {
		if done, err := s.Decide(t.Context(), "gitea", id, ledger.Decision{Refusal: "closed"}); done || err != nil {
			t.Errorf("Decide on closed comment %d = %v, %v; want false", id, done, err)
		}
	}
}

func decisionIsOne(t *testing.T, s Subject) {
	see(t, s, ledger.Open, 1)
	for _, d := range []ledger.Decision{{}, {Run: "a", Refusal: "closed"}} {
		if done, err := s.Decide(t.Context(), "gitea", 1, d); err == nil || done {
			t.Errorf("Decide(%+v) = %v, %v; want an error", d, done, err)
		}
	}
	wantOpen(t, s, 1)
}

func commentOf(t *testing.T, s Subject) {
	ctx := t.Context()
	see(t, s, ledger.Open, 1, 2, 3)
	id := decide(t, s, 2)
	joined := run.Event{Run: id, Source: run.Bridge, At: at(9), Kind: run.KindJoined, Note: "ada"}
	for _, joiner := range []int64{1, 3} {
		if done, err := s.Decide(ctx, "gitea", joiner, ledger.Decision{Run: id}, joined); err != nil || !done {
			t.Fatalf("Decide = %v, %v; want true", done, err)
		}
	}
	c, ok, err := s.CommentOf(ctx, id)
	same(t, "the comment", ledger.Comment{Comment: comment(2), State: ledger.Decided, Run: id}, c, err)
	if !ok {
		t.Error("the run has no comment")
	}
	if _, ok, err := s.CommentOf(ctx, "another"); ok || err != nil {
		t.Errorf("CommentOf a run that no comment started = %v, %v", ok, err)
	}
}

func refused(t *testing.T, s Subject) {
	ctx := t.Context()
	see(t, s, ledger.Open, 1, 2, 3)
	decide(t, s, 3)
	for _, id := range []int64{2, 1} {
		_, err := s.Decide(ctx, "gitea", id, ledger.Decision{Refusal: "closed"})
		must(t, err)
	}
	want := func(want ...int64) {
		t.Helper()
		got, err := s.RefusedComments(ctx)
		same(t, "refused comments", want, ids(got), err)
	}
	want(1, 2)
	key := ledger.CommentKey("gitea", 1)
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: key, Intent: true}))
	want(1, 2)
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: key, CommentID: 77, Done: true}))
	want(2)
	must(t, s.SetAnnouncement(ctx, ledger.Announcement{Key: key, CommentID: 77}))
	want(1, 2)
}
