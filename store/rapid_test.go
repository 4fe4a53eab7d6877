package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/bridge/ledger/ledgertest"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/store"
)

// TestDiskAndMemoryNeverDiffer makes the same random calls on both.
func TestDiskAndMemoryNeverDiffer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		disk, err := store.Open(ctx, empty(t, dir), store.Options{}) // over the one before, which is closed
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		memory := ledgertest.New()
		both := func(what string, ask func(s ledgertest.Subject) (any, error)) {
			t.Helper()
			want, wantErr := ask(memory)
			got, err := ask(disk)
			diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(run.Report{}), cmpopts.EquateEmpty())
			if diff != "" || (err == nil) != (wantErr == nil) {
				t.Fatalf("%s: memory says %v, the disk %v (-memory +disk):\n%s", what, wantErr, err, diff)
			}
		}
		var stories [][]run.Event
		for i := range 3 {
			stories = append(stories, journaltest.Story(journaltest.Request(fmt.Sprint("recipe", i%2), i)))
		}
		event := rapid.Custom(func(t *rapid.T) run.Event {
			e := rapid.SampledFrom(rapid.SampledFrom(stories).Draw(t, "run")).Draw(t, "event")
			if rapid.Bool().Draw(t, "unnumbered") && e.Source == run.Bridge {
				e.Seq = 0
			}
			if rapid.IntRange(0, 9).Draw(t, "spoil") == 0 {
				e.Kind = ""
			}
			return e
		})
		comment := rapid.Int64Range(1, 4)
		key := rapid.SampledFrom([]string{
			ledger.RunKey(stories[0][0].Run), ledger.RunKey(stories[1][0].Run), ledger.CommentKey("gitea", 1), ledger.CommentKey("gitea", 2), "odd",
		})
		compare := func() {
			both("Unannounced", func(s ledgertest.Subject) (any, error) { return s.Unannounced(ctx) })
			both("OpenComments", func(s ledgertest.Subject) (any, error) { return s.OpenComments(ctx) })
			both("RefusedComments", func(s ledgertest.Subject) (any, error) { return s.RefusedComments(ctx) })
			both("LatestRuns", func(s ledgertest.Subject) (any, error) { return s.LatestRuns(ctx) })
			both("Reports", func(s ledgertest.Subject) (any, error) { return s.Reports(ctx, journal.Filter{Open: true}) })
			for _, story := range stories {
				both("Events", func(s ledgertest.Subject) (any, error) { return s.Events(ctx, story[0].Run) })
				both("CommentOf", func(s ledgertest.Subject) (any, error) {
					c, _, err := s.CommentOf(ctx, story[0].Run)
					return c, err
				})
			}
			both("DefaultBranchReport", func(s ledgertest.Subject) (any, error) {
				r, behind, _, err := s.DefaultBranchReport(ctx, "gitea", "org/recipe0")
				return []any{r, behind}, err
			})
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				events := rapid.SliceOfN(event, 0, 3).Draw(t, "events")
				both("Append", func(s ledgertest.Subject) (any, error) { return nil, s.Append(ctx, events...) })
			},
			"see": func(t *rapid.T) {
				c := forge.Comment{Repo: forge.Repo{Forge: "gitea", Owner: "org", Name: "r"}, ID: comment.Draw(t, "id")}
				state := rapid.SampledFrom([]ledger.State{ledger.Open, ledger.Ignored, ledger.Decided}).Draw(t, "state")
				both("See", func(s ledgertest.Subject) (any, error) { return s.See(ctx, c, state) })
			},
			"decide": func(t *rapid.T) {
				id, events := comment.Draw(t, "id"), rapid.SliceOfN(event, 0, 2).Draw(t, "events")
				d := ledger.Decision{Refusal: "closed"}
				if len(events) > 0 {
					d = ledger.Decision{Run: events[0].Run}
				}
				both("Decide", func(s ledgertest.Subject) (any, error) { return s.Decide(ctx, "gitea", id, d, events...) })
			},
			"sign": func(t *rapid.T) {
				id := comment.Draw(t, "id")
				both("Reacted", func(s ledgertest.Subject) (any, error) { return nil, s.Reacted(ctx, "gitea", id) })
				both("Postpone", func(s ledgertest.Subject) (any, error) { return nil, s.Postpone(ctx, "gitea", id, stories[0][1].At) })
			},
			"announce": func(t *rapid.T) {
				a := ledger.Announcement{Key: key.Draw(t, "key"), Done: rapid.Bool().Draw(t, "done")}
				both("SetAnnouncement", func(s ledgertest.Subject) (any, error) { return nil, s.SetAnnouncement(ctx, a) })
			},
			"trees": func(t *rapid.T) {
				trees := []forge.Tree{{Tree: rapid.SampledFrom([]string{"tree-of-recipe0-0", "tree-of-recipe0-2"}).Draw(t, "tree")}}
				both("AddTrees", func(s ledgertest.Subject) (any, error) {
					return nil, s.AddTrees(ctx, forge.Repo{Forge: "gitea", Owner: "org", Name: "recipe0"}, trees)
				})
			},
			"compare": func(*rapid.T) { compare() },
		})
		compare()
	})
}
