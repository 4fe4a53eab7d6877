package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

func TestFilesOfOldRunsGo(t *testing.T) {
	now := time.Now()
	runs, j := t.TempDir(), journaltest.NewMemory()
	folder := func(asked, ended time.Duration, known bool) string {
		id := run.NewID(now.Add(-asked))
		if known {
			events := []run.Event{run.Event{Run: id, Source: run.Bridge, At: now.Add(-asked), Kind: run.KindRequested}.With(run.Request{ID: id, Recipe: "guestbook"})}
			if ended > 0 {
				events = append(events, run.Event{Run: id, Source: run.Bridge, At: now.Add(-ended), Kind: run.KindEnded})
			}
			if err := j.Append(t.Context(), events...); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(runs, string(id), "1")
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const day = 24 * time.Hour
	old := folder(40*day, 40*day-time.Hour, true)
	kept := map[string]string{
		"a young one":                folder(10*day, 9*day, true),
		"an old one that ended late": folder(40*day, 20*day, true),
		"an old one that lives":      folder(40*day, 0, true),
		"one nobody knows":           folder(40*day, 0, false),
		"something else":             filepath.Join(runs, "notes"),
	}
	if err := os.Mkdir(kept["something else"], 0o700); err != nil {
		t.Fatal(err)
	}
	removed, err := forgetFiles(t.Context(), runs, j, 30*day, now)
	if err != nil || removed != 1 {
		t.Fatalf("removed %d, %v", removed, err)
	}
	if _, err := os.Stat(filepath.Dir(old)); err == nil {
		t.Error("the old run's folder is still there")
	}
	for name, path := range kept {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
