package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/store"
)

// otherProcess names the journal to which this binary, started again, appends.
const otherProcess = "SEATRIAL_TEST_APPEND_TO"

// appendForEver is the other process: it says what is durable, and goes on until
// it is killed.
func appendForEver(path string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, path, store.Options{Light: true})
	if err != nil {
		return err
	}
	id := run.NewID(time.Now())
	for n := 1; ; n++ {
		e := run.Event{Run: id, Source: run.Bridge, At: time.Now(), Kind: run.KindCancelAsked, Note: fmt.Sprint(n)}
		if err := db.Append(ctx, e, e); err != nil {
			return err
		}
		fmt.Println(n)
		// SQLite's write lock is not fair: who never lets go of it starves all others.
		time.Sleep(5 * time.Millisecond)
	}
}

func startOther(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), otherProcess+"="+path)
	other.Stderr = os.Stderr
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	return other, bufio.NewScanner(out)
}

func TestAnotherProcessAppendsAndIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path, store.Options{})
	other, said := startOther(t, path)

	// Followed while it writes, and while we write between its words.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	followed, ours := 0, 0
	for _, err := range db.Follow(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if followed++; followed%10 == 0 {
			ours++
			if err := db.Append(ctx, run.Event{Run: "ours", Source: run.Bridge, At: time.Now(), Kind: run.KindJoined}); err != nil {
				t.Fatal(err)
			}
		}
		if followed == 60 {
			break
		}
	}
	if followed < 60 {
		t.Fatalf("gave up waiting for another process's events: last seen %d", followed)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	promised := 0
	for said.Scan() {
		promised++
	}
	_ = other.Wait() // it was killed

	// What it said was durable is there, all or none of each append, and the file is sound.
	reports, err := db.Reports(t.Context(), journal.Filter{Open: true})
	if err != nil || len(reports) != 2 {
		t.Fatalf("%d runs, %v; want theirs and ours", len(reports), err)
	}
	for entry, err := range db.Follow(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if id := entry.Event.Run; id != "ours" {
			events, err := db.Events(ctx, id)
			if err != nil || len(events) < 2*promised || len(events)%2 != 0 {
				t.Errorf("%d events of %d promised pairs are there (%v)", len(events), promised, err)
			}
			break
		}
	}
	if events, err := db.Events(ctx, "ours"); err != nil || len(events) != ours {
		t.Errorf("%d of our %d events are there (%v)", len(events), ours, err)
	}
	open(t, path, store.Options{}) // reads it through
}

func TestHookIsCalledAfterTheCommitOfEachNewEvent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	var db *store.DB
	var kinds []run.Kind
	db = open(t, path, store.Options{AfterAppend: func(kind run.Kind) {
		kinds = append(kinds, kind)
		beside, err := store.Open(t.Context(), path, store.Options{Light: true})
		if err != nil {
			t.Fatal(err)
		}
		defer beside.Close()
		if last, err := beside.Last(t.Context()); err != nil || last == 0 {
			t.Errorf("another opener sees position %d, %v", last, err)
		}
	}})
	story := journaltest.Story(journaltest.Request("guestbook", 1))[:3]
	for range 2 {
		if err := db.Append(t.Context(), story...); err != nil {
			t.Fatal(err)
		}
	}
	want := []run.Kind{run.KindRequested, run.KindDispatching, run.KindDispatched}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}
