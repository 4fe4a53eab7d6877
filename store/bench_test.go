package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/store"
)

// large makes a journal of 1,000 recipes and 100,000 events, and returns its path
// and a run in its middle.
func large(b *testing.B) (path string, some run.ID) {
	b.Helper()
	const recipes, events = 1000, 100_000
	path = filepath.Join(b.TempDir(), "journal.db")
	db, err := store.Open(b.Context(), path, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	dawn := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	var batch []run.Event
	for n, i := 0, 0; n < events; i++ {
		recipe := fmt.Sprintf("recipe-%03d", i%recipes)
		r := journaltest.Request(recipe, 1+i/recipes)
		r.ID = run.NewID(dawn.Add(time.Duration(i) * time.Minute))
		story := journaltest.Story(r)
		batch, n = append(batch, story...), n+len(story)
		if i == 3000 {
			some = r.ID
		}
		if len(batch) > 5000 || n >= events {
			if err := db.Append(b.Context(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
		repo := forge.Repo{Forge: "gitea", Owner: "org", Name: recipe}
		if i < recipes {
			if err := db.AddTrees(b.Context(), repo, []forge.Tree{{Tree: "tree-of-" + recipe + "-1"}}); err != nil {
				b.Fatal(err)
			}
		}
	}
	return path, some
}

// Each query begins with nothing cached ("first") or asks again ("again").
func BenchmarkLargeJournal(b *testing.B) {
	path, some := large(b)
	ctx := b.Context()
	for _, q := range []struct {
		name string
		ask  func(*store.DB) error
	}{
		{"latest run of each of 1,000 recipes", func(db *store.DB) error { _, err := db.LatestRuns(ctx); return err }},
		{"first page of 100 runs", reports(ctx, journal.Filter{})},
		{"runs of a recipe", reports(ctx, journal.Filter{Recipe: "recipe-500"})},
		{"open runs", reports(ctx, journal.Filter{Open: true})},
		{"one report", func(db *store.DB) error { _, err := db.Report(ctx, some); return err }},
		{"unannounced", func(db *store.DB) error { _, err := db.Unannounced(ctx); return err }},
		{"badge", func(db *store.DB) error {
			_, _, ok, err := db.DefaultBranchReport(ctx, "gitea", "org/recipe-500")
			if err == nil && !ok {
				err = fmt.Errorf("no badge")
			}
			return err
		}},
	} {
		b.Run(q.name+"/first", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				db, err := store.Open(ctx, path, store.Options{Light: true})
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := q.ask(db); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				db.Close()
				b.StartTimer()
			}
		})
		b.Run(q.name+"/again", func(b *testing.B) {
			db := open(b, path, store.Options{Light: true})
			for b.Loop() {
				if err := q.ask(db); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, check := range map[string]bool{"open": false, "open and read through": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				db, err := store.Open(ctx, path, store.Options{})
				if err == nil && check {
					err = db.Check(ctx)
				}
				if err != nil {
					b.Fatal(err)
				}
				db.Close()
			}
		})
	}
	b.Run("append to a run", func(b *testing.B) {
		db := open(b, path, store.Options{Light: true})
		for b.Loop() {
			e := run.Event{Run: some, Attempt: 1, Source: run.Harness, Seq: time.Now().UnixNano(), At: time.Now(), Kind: run.KindProgress}
			if err := db.Append(ctx, e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("rebuild", func(b *testing.B) {
		db := open(b, path, store.Options{Light: true})
		for b.Loop() {
			if err := db.Rebuild(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func reports(ctx context.Context, f journal.Filter) func(*store.DB) error {
	return func(db *store.DB) error {
		_, err := db.Reports(ctx, f)
		return err
	}
}
