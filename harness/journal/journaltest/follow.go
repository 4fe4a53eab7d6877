package journaltest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// waitLimit is how long a follower may take to see what was appended, on a busy machine.
const waitLimit = time.Minute

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
	must(t, got.err)
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
	must(t, err)
	if diff := cmp.Diff(got.entries[len(first):], rest); diff != "" {
		t.Errorf("followed after position %d:\n%s", middle, diff)
	}
	if last, _ := j.Last(t.Context()); last != rest[len(rest)-1].Position {
		t.Errorf("Last = %d; the last position yielded was %d", last, rest[len(rest)-1].Position)
	}
}

func followEnds(t *testing.T, j journal.Journal) {
	story := Story(Request("guestbook", 1))
	mustAppend(t, j, story...)
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	n := 0
	for _, err := range j.Follow(ctx, 0) {
		if err != nil {
			t.Errorf("following ended with %v", err)
		}
		if n++; n == len(story) {
			cancel() // while it waits for more
		}
	}
	if n != len(story) {
		t.Errorf("%d entries were yielded before the context ended, want %d", n, len(story))
	}
}

// collect follows until it has so many entries.
func collect(ctx context.Context, j journal.Follower, after journal.Position, n int) ([]journal.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	var entries []journal.Entry
	for entry, err := range j.Follow(ctx, after) {
		if err != nil {
			return entries, err
		}
		if entries = append(entries, entry); len(entries) == n {
			return entries, nil
		}
	}
	return entries, fmt.Errorf("gave up after %v waiting for %d entries: last seen %d", waitLimit, n, len(entries))
}

func concurrent(t *testing.T, j journal.Journal) {
	const writers, each, followers = 4, 25, 3
	id := run.NewID(at(0))
	var wg sync.WaitGroup
	seen := make([][]journal.Entry, followers)
	for i := range followers {
		wg.Go(func() {
			entries, err := collect(t.Context(), j, 0, writers*each)
			if err != nil {
				t.Error(err)
			}
			seen[i] = entries
		})
	}
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				e := run.Event{Run: id, Source: run.Bridge, At: at(n), Kind: run.KindJoined, Note: fmt.Sprint(w)}
				if err := j.Append(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	numbers := map[int64]bool{}
	for i, entry := range seen[0] {
		numbers[entry.Event.Seq] = true
		if i > 0 && entry.Position <= seen[0][i-1].Position {
			t.Errorf("position %d comes after %d", entry.Position, seen[0][i-1].Position)
		}
	}
	if len(numbers) != writers*each {
		t.Errorf("%d different numbers for %d events", len(numbers), writers*each)
	}
	for _, other := range seen[1:] {
		if diff := cmp.Diff(seen[0], other); diff != "" {
			t.Errorf("two followers saw different things:\n%s", diff)
		}
	}
}
