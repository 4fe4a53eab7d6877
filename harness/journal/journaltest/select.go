package journaltest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

func filters(t *testing.T, j journal.Journal) {
	var ids []run.ID
	for i, r := range []run.Request{
		Request("guestbook", 1), Request("guestbook", 2), Request("pocketbase", 1), Request("pocketbase", 1),
	} {
		r.ID = run.NewID(at(i * 60))
		if i == 3 {
			r.Code.Forge, r.Code.Commit = "other", "3333333333"
		}
		story := Story(r)
		for n := range story {
			story[n].At = story[n].At.Add(time.Duration(i) * time.Minute)
		}
		if i == 1 {
			story = story[:4] // still running
		}
		mustAppend(t, j, story...)
		ids = append(ids, r.ID)
	}
	for name, c := range map[string]struct {
		filter journal.Filter
		want   []int
	}{
		"all":              {journal.Filter{}, []int{3, 2, 1, 0}},
		"recipe":           {journal.Filter{Recipe: "guestbook"}, []int{1, 0}},
		"repository":       {journal.Filter{Repo: "org/pocketbase"}, []int{3, 2}},
		"forge":            {journal.Filter{Forge: "other", Repo: "org/pocketbase"}, []int{3}},
		"pull request":     {journal.Filter{Repo: "org/guestbook", Pull: 2}, []int{1}},
		"commit":           {journal.Filter{Commit: "3333333333"}, []int{3}},
		"tree":             {journal.Filter{Tree: "tree-of-guestbook-1"}, []int{0}},
		"open":             {journal.Filter{Open: true}, []int{1}},
		"ended":            {journal.Filter{Ended: true, Recipe: "guestbook"}, []int{0}},
		"open and ended":   {journal.Filter{Open: true, Ended: true}, nil},
		"since":            {journal.Filter{Since: at(120)}, []int{3, 2}},
		"limit":            {journal.Filter{Limit: 2}, []int{3, 2}},
		"the page after":   {journal.Filter{Limit: 2, Before: ids[2]}, []int{1, 0}},
		"nothing so named": {journal.Filter{Recipe: "%"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			reports, err := j.Reports(t.Context(), c.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []run.ID
			for _, r := range reports {
				got = append(got, r.Request.ID)
				if !c.filter.Match(&r) {
					t.Errorf("run %s was selected and does not match", r.Request.ID)
				}
			}
			for _, i := range c.want {
				want = append(want, ids[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

func follows(t *testing.T, j journal.Journal) {
	first, second := Story(Request("guestbook", 1)), Story(Request("pocketbase", 1))
	mustAppend(t, j, first...)
	type result struct {
		entries []journal.Entry
		err     error
	}
	done := make(chan result, 1)
	go func() {
		entries, err := collect(t.Context(), j, 0, len(first)+len(second))
		done <- result{entries, err}
	}()
	for _, e := range second {
		mustAppend(t, j, e)
	}
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	var events []run.Event
	for _, entry := range got.entries {
		events = append(events, entry.Event)
	}
	if diff := cmp.Diff(append(first, second...), events); diff != "" {
		t.Errorf("followed (-appended +yielded):\n%s", diff)
	}
	// A position that was seen resumes behind it.
	middle := got.entries[len(first)-1].Position
	rest, err := collect(t.Context(), j, middle, len(second))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got.entries[len(first):], rest); diff != "" {
		t.Errorf("followed after position %d:\n%s", middle, diff)
	}
	if last, _ := j.Last(t.Context()); last != rest[len(rest)-1].Position {
		t.Errorf("Last = %d; the last position yielded was %d", last, rest[len(rest)-1].Position)
	}
}

func followEnds(t *testing.T, j journal.Journal) {
	mustAppend(t, j, Story(Request("guestbook", 1))...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	n := 0
	for _, err := range j.Follow(ctx, 0) {
		if err != nil {
			t.Errorf("following ended with %v", err)
		}
		n++
	}
	if n == 0 {
		t.Error("nothing was yielded before the context ended")
	}
}
