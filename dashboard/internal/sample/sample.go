// Package sample holds made-up runs for looking at the dashboard and for its tests:
// every answer that there is, and text as a stranger would write it. It is not part
// of the program.
package sample

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"seatrial/dashboard/page"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Now is the moment at which the sample is looked at.
var Now = time.Date(2026, 5, 4, 14, 30, 0, 0, time.UTC)

// Evil is what a stranger would write.
const Evil = "<script>alert(1)</script> \u202egnp.exe & \"quotes\" '; rm -rf / \x1b[31mred\x00 [x](javascript:y)"

// ID is the n-th run's. A higher number was asked for later.
func ID(n int) run.ID {
	ms := ulid.Timestamp(Now.Add(-24*time.Hour + time.Duration(n)*time.Minute))
	return run.ID(strings.ToLower(ulid.MustNew(ms, bytes.NewReader(bytes.Repeat([]byte{byte(n)}, 10))).String()))
}

// The runs, by what became of them.
var (
	Passed     = ID(10)
	Failed     = ID(20)
	Unverified = ID(30)
	Running    = ID(40)
	Waiting    = ID(50)
	Cancelled  = ID(60)
	Hostile    = ID(70)
	Superseded = ID(80)
	Dirty      = ID(90)
)

// Journal is a journal in memory with the sample's runs.
type Journal struct{ *journaltest.Memory }

// NewJournal fills a journal.
func NewJournal() Journal { return fill(stories()) }

func fill(stories [][]run.Event) Journal {
	j := Journal{journaltest.NewMemory()}
	for _, story := range stories {
		if err := j.Append(context.Background(), story...); err != nil {
			panic(fmt.Sprintf("the sample is wrong: %v", err))
		}
	}
	return j
}

func (j Journal) LatestRuns(ctx context.Context) ([]run.Report, error) {
	all, err := j.Reports(ctx, journal.Filter{Limit: 1000})
	var latest []run.Report
	for _, r := range all {
		if !slices.ContainsFunc(latest, func(l run.Report) bool { return l.Request.Recipe == r.Request.Recipe }) {
			latest = append(latest, r)
		}
	}
	return latest, err
}

// DefaultBranchReport implements dashboard.Journal: trees that begin with "main"
// are on the default branch.
func (j Journal) DefaultBranchReport(ctx context.Context, forge, repo string) (r run.Report, behind int, ok bool, err error) {
	all, err := j.Reports(ctx, journal.Filter{Forge: forge, Repo: repo, Ended: true})
	for _, r := range all {
		if r.Plan != nil && strings.HasPrefix(r.Plan.Tree, "main") {
			return r, 0, true, nil
		}
	}
	return run.Report{}, 0, false, err
}

// Enrolments are the recipes of the sample.
func Enrolments() page.Enrolments {
	var e page.Enrolments
	for _, name := range []string{"guestbook", "hedgedoc", "nextcloud", "pocketbase", "uptime-kuma", "vaultwarden", "wiki", "zulip"} {
		e.Recipes = append(e.Recipes, recipes.Enrolment{Name: name, File: "tests/" + name + "/recipe.yaml", Version: 1, Repo: "recipes/" + name, Forge: "gitea"})
	}
	e.Problems = []string{"tests/minio/recipe.yaml:4:1: unknown key helth; did you mean health?\n    4 | helth:\n        ^"}
	return e
}

// Unenrolled are two repositories that are not enrolled.
func Unenrolled(context.Context) []page.UnenrolledRepo {
	return []page.UnenrolledRepo{
		{Forge: "gitea", Repo: "recipes/peertube", Last: Now.Add(-20 * time.Minute)},
		{Forge: "gitea", Repo: "recipes/" + Evil, Last: Now.Add(-50 * time.Hour)},
	}
}

// Queue is the queue of the sample.
func Queue() run.Queue {
	return run.Queue{
		Slots: []run.Slot{
			{Number: 1, Run: Running, Recipe: "vaultwarden", Since: Now.Add(-3 * time.Minute), Lease: run.Lease{Expires: Now.Add(62 * time.Minute)}},
			{Number: 2, Run: Dirty, Recipe: "wiki", Since: Now.Add(-50 * time.Minute), Lease: run.Lease{Expires: Now.Add(15 * time.Minute)},
				Leftovers: []run.Leftover{{Kind: "process", Name: "4711", Detail: "ignores every signal"}}},
			{Number: 3},
		},
		Waiting: []run.Waiter{{Place: 1, Run: Waiting, Recipe: "nextcloud", Since: Now.Add(-40 * time.Second), Wait: 6 * time.Minute}},
	}
}

type log struct{ *strings.Reader }

func (log) Close() error { return nil }

// OpenLog opens a log of the sample.
func OpenLog(id run.ID, attempt int) (io.ReadSeekCloser, error) {
	if id == Waiting || id == Superseded {
		return nil, fs.ErrNotExist
	}
	var b strings.Builder
	fmt.Fprintf(&b, "14:27:01 == started\n14:27:02 == planned\n14:27:02 == lint\n14:27:02 == lint passed after 12ms\n14:27:02 == upgrade\n14:27:03    deploying 1.4.0\n")
	for i := range 12 {
		fmt.Fprintf(&b, "web | \x1b[32mINFO\x1b[0m migration %d of 12 \x1b[2mapplied\x1b[0m\n", i+1)
	}
	fmt.Fprintf(&b, "web | \x1b[1;31mERROR\x1b[0m no such table: entries\n14:27:31 == upgrade failed after 29.4s: 3 rows of entries are gone\n14:27:31 == install\nweb | listening on :8080\n")
	if id == Hostile {
		b.WriteString("web | " + Evil + "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\ \x1b[2A\x1b[2Kgone? 10%\r100%\n")
	}
	return log{strings.NewReader(b.String())}, nil
}
