package journaltest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Contract holds a journal against what the interface promises. open returns an
// empty one, and closes it with the test.
func Contract(t *testing.T, open func(t *testing.T) journal.Journal) {
	for _, c := range []struct {
		sentence string
		test     func(*testing.T, journal.Journal)
	}{
		{"an empty journal knows no run and has no last position", emptyJournal},
		{"what was appended comes back as it was, in order", comesBack},
		{"events are appended all or none", allOrNone},
		{"an event with a known key is dropped", dropsRepeats},
		{"an event of the bridge without a number gets the next one of its run and attempt", numbersBridgeEvents},
		{"an event that is not fit is refused by name", refusesUnfit},
		{"a run's report is folded from all of its events", foldsReports},
		{"a report may be applied to without touching the next one", reportsAreCopies},
		{"a filter selects, newest first, page by page", filters},
		{"following yields what is there, then what comes", follows},
		{"following ends with the context, without an error", followEnds},
		{"many may append and follow at once: each sees every event once, in one order", concurrent},
		{"a cancelled context writes nothing", cancelled},
		{"hostile text comes back as it was", hostileText},
	} {
		t.Run(c.sentence, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func emptyJournal(t *testing.T, j journal.Journal) {
	last, err := j.Last(t.Context())
	if err != nil || last != 0 {
		t.Errorf("Last = %d, %v; want 0", last, err)
	}
	if _, err := j.Events(t.Context(), "nobody"); !errors.Is(err, journal.ErrUnknownRun) {
		t.Errorf("Events of an unknown run: %v; want ErrUnknownRun", err)
	}
	if _, err := j.Report(t.Context(), "nobody"); !errors.Is(err, journal.ErrUnknownRun) {
		t.Errorf("Report of an unknown run: %v; want ErrUnknownRun", err)
	}
	if reports, err := j.Reports(t.Context(), journal.Filter{}); err != nil || len(reports) != 0 {
		t.Errorf("Reports = %v, %v; want none", reports, err)
	}
	mustAppend(t, j)
}

func comesBack(t *testing.T, j journal.Journal) {
	story := Story(Request("guestbook", 1))
	id := story[0].Run
	mustAppend(t, j, story...)
	got, err := j.Events(t.Context(), id)
	must(t, err)
	if diff := cmp.Diff(story, got); diff != "" {
		t.Errorf("events differ (-appended +read):\n%s", diff)
	}
	if last, err := j.Last(t.Context()); err != nil || last < journal.Position(len(story)) {
		t.Errorf("Last = %d, %v; want at least %d", last, err, len(story))
	}
}

func allOrNone(t *testing.T, j journal.Journal) {
	story := Story(Request("guestbook", 1))
	bad := story[2]
	bad.Kind = ""
	if err := j.Append(t.Context(), story[0], story[1], bad); err == nil {
		t.Fatal("an event without a kind was taken")
	}
	if _, err := j.Events(t.Context(), story[0].Run); !errors.Is(err, journal.ErrUnknownRun) {
		t.Errorf("after a refused append: %v; want ErrUnknownRun", err)
	}
	mustAppend(t, j, story...)
}

func dropsRepeats(t *testing.T, j journal.Journal) {
	story := Story(Request("guestbook", 1))
	mustAppend(t, j, story...)
	last, _ := j.Last(t.Context())
	again := story[5]
	again.Note = "another text under the same key"
	mustAppend(t, j, append(story[3:], again)...)
	if now, _ := j.Last(t.Context()); now != last {
		t.Errorf("repeats moved the last position from %d to %d", last, now)
	}
	got, _ := j.Events(t.Context(), story[0].Run)
	if diff := cmp.Diff(story, got); diff != "" {
		t.Errorf("repeats changed the events (-before +after):\n%s", diff)
	}
	twice := run.Event{Run: story[0].Run, Attempt: 7, Source: run.Harness, Seq: 1, At: at(9), Kind: run.KindWarning, Note: "once"}
	mustAppend(t, j, twice, twice)
	if got, _ := j.Events(t.Context(), twice.Run); len(got) != len(story)+1 {
		t.Errorf("an event given twice in one append counts %d times", len(got)-len(story))
	}
}

func numbersBridgeEvents(t *testing.T, j journal.Journal) {
	id := run.NewID(at(0))
	event := func(attempt int, seq int64) run.Event {
		return run.Event{Run: id, Attempt: attempt, Source: run.Bridge, Seq: seq, At: at(1), Kind: run.KindJoined, Note: "x"}
	}
	mustAppend(t, j, event(0, 0), event(0, 0), event(1, 0), event(0, 7))
	mustAppend(t, j, event(0, 0), event(1, 0))
	other := event(1, 0)
	other.Run = run.NewID(at(1))
	mustAppend(t, j, other)
	var got [][2]int64
	events, _ := j.Events(t.Context(), id)
	for _, e := range events {
		got = append(got, [2]int64{int64(e.Attempt), e.Seq})
	}
	want := [][2]int64{{0, 1}, {0, 2}, {1, 1}, {0, 7}, {0, 8}, {1, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attempt and number (-want +got):\n%s", diff)
	}
	if events, _ := j.Events(t.Context(), other.Run); len(events) != 1 || events[0].Seq != 1 {
		t.Errorf("another run's numbers do not begin at 1: %+v", events)
	}
}

func refusesUnfit(t *testing.T, j journal.Journal) {
	fit := run.Event{Run: run.NewID(at(0)), Attempt: 1, Source: run.Harness, Seq: 1, At: at(1), Kind: run.KindPlanned}
	for name, spoil := range map[string]func(*run.Event){
		"no run":                  func(e *run.Event) { e.Run = "" },
		"no kind":                 func(e *run.Event) { e.Kind = "" },
		"a foreign source":        func(e *run.Event) { e.Source = "app" },
		"a negative attempt":      func(e *run.Event) { e.Attempt = -1 },
		"a negative number":       func(e *run.Event) { e.Seq = -1 },
		"a harness without one":   func(e *run.Event) { e.Seq = 0 },
		"data that is not JSON":   func(e *run.Event) { e.Data = []byte("{") },
		"data that does not fold": func(e *run.Event) { e.Data = []byte(`{"stages":7}`) },
	} {
		e := fit
		spoil(&e)
		if err := j.Append(t.Context(), e); !errors.Is(err, journal.ErrUnfit) {
			t.Errorf("%s: %v; want ErrUnfit", name, err)
		}
	}
	if last, err := j.Last(t.Context()); last != 0 || err != nil {
		t.Errorf("after nothing but refusals the last position is %d, %v", last, err)
	}
}

func foldsReports(t *testing.T, j journal.Journal) {
	story := Story(Request("guestbook", 1))
	var sofar []run.Event
	for _, e := range story {
		sofar = append(sofar, e)
		mustAppend(t, j, e)
		want, err := run.Fold(sofar)
		must(t, err)
		got, err := j.Report(t.Context(), e.Run)
		must(t, err)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(run.Report{})); diff != "" {
			t.Fatalf("after %s (-folded +read):\n%s", e.Kind, diff)
		}
	}
}

func reportsAreCopies(t *testing.T, j journal.Journal) {
	story := Story(Request("guestbook", 1))
	mustAppend(t, j, story...)
	first, _ := j.Report(t.Context(), story[0].Run)
	want := first.Clone()
	for i := range first.Stages {
		first.Stages[i].Outcome = run.Failed
	}
	extra := run.Event{Run: story[0].Run, Source: run.Bridge, Seq: 999, Kind: run.KindJoined, Note: "only in my copy"}
	must(t, first.Apply(extra))
	second, _ := j.Report(t.Context(), story[0].Run)
	all, _ := j.Reports(t.Context(), journal.Filter{})
	for _, got := range append(all, second) {
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(run.Report{})); diff != "" {
			t.Errorf("what a caller did to a report shows in the next (-want +got):\n%s", diff)
		}
	}
}

func cancelled(t *testing.T, j journal.Journal) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Append(ctx, Story(Request("guestbook", 1))...); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v; want context.Canceled", err)
	}
	if last, _ := j.Last(t.Context()); last != 0 {
		t.Errorf("Last = %d; want 0", last)
	}
}

func hostileText(t *testing.T, j journal.Journal) {
	id := run.NewID(at(0))
	for i, text := range []string{"'; DROP TABLE events; --", "nul\x00byte", "\u202eright to left", "<script>&amp;</script>", "line\nfeed\r\ttab\x1b[31m", "𐍈 🚢"} {
		e := run.Event{Run: id, Attempt: 1, Source: run.Harness, Seq: int64(i + 1), At: at(i), Kind: run.KindWarning, Note: text}.With(text)
		mustAppend(t, j, e)
		events, err := j.Events(t.Context(), id)
		must(t, err)
		var data string
		got := events[len(events)-1]
		if err := got.Into(&data); err != nil || got.Note != text || data != text {
			t.Errorf("%q came back as %q and %q (%v)", text, got.Note, data, err)
		}
	}
}

func mustAppend(t *testing.T, j journal.Appender, events ...run.Event) {
	t.Helper()
	must(t, j.Append(t.Context(), events...))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
