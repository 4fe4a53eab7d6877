package journaltest

import (
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
		r.AskedBy = run.Person{Login: "ada", ID: int64(4 + i/2)}
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
		"asker":            {journal.Filter{Forge: "gitea", Asker: 5}, []int{2}},
		"asker, lately":    {journal.Filter{Asker: 4, Since: at(60)}, []int{1}},
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
			must(t, err)
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
