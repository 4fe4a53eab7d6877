package dashboard_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// every is each kind of page, by the name of its golden file.
var every = map[string]string{
	"index":           "/",
	"index-fail":      "/?show=fail&q=HEDGE",
	"index-no-match":  "/?q=%3Cscript%3E",
	"recipe":          "/recipes/guestbook",
	"recipe-untested": "/recipes/zulip",
	"recipe-older":    "/recipes/guestbook?before=" + string(sample.Passed),
	"run-passed":      "/runs/" + string(sample.Passed),
	"run-failed":      "/runs/" + string(sample.Failed),
	"run-unverified":  "/runs/" + string(sample.Unverified),
	"run-running":     "/runs/" + string(sample.Running),
	"run-waiting":     "/runs/" + string(sample.Waiting),
	"run-cancelled":   "/runs/" + string(sample.Cancelled),
	"run-superseded":  "/runs/" + string(sample.Superseded),
	"run-leftovers":   "/runs/" + string(sample.Dirty),
	"run-hostile":     "/runs/" + string(sample.Hostile),
	"log":             "/runs/" + string(sample.Failed) + "/log",
	"log-plain":       "/runs/" + string(sample.Failed) + "/log?view=plain",
	"log-hostile":     "/runs/" + string(sample.Hostile) + "/log",
	"log-none":        "/runs/" + string(sample.Waiting) + "/log",
	"not-found":       "/nowhere/%3Cb%3E",
}

// clustered is each kind of page that shows more where runs are on a cluster.
var clustered = map[string]string{
	"cluster-index":       "/",
	"cluster-run-passed":  "/runs/" + string(sample.ClusterPassed),
	"cluster-run-running": "/runs/" + string(sample.ClusterRunning),
	"cluster-run-hostile": "/runs/" + string(sample.ClusterHostile),
}

// eachPage calls f with every page and the dashboard that shows it.
func eachPage(t *testing.T, f func(t *testing.T, d *dashboard.Dashboard, name, path string)) {
	show := func(d *dashboard.Dashboard, pages map[string]string) {
		for name, path := range pages {
			t.Run(name, func(t *testing.T) { f(t, d, name, path) })
		}
	}
	show(newDashboard(t, nil), every)
	show(newDashboard(t, sample.OnCluster), clustered)
	show(newDashboard(t, func(c *dashboard.Config) {
		sample.OnCluster(c)
		c.Cluster = sample.ClusterAway
	}), map[string]string{"cluster-away": "/"})
}

var hashes = regexp.MustCompile(`(/assets/\w+)\.[0-9a-f]{12}\.`)

func TestPagesLookAsTheyDid(t *testing.T) {
	eachPage(t, func(t *testing.T, d *dashboard.Dashboard, name, path string) {
		_, body := get(t, d, path)
		got := hashes.ReplaceAllString(body, "$1.HASH.")
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s differs from %s (go test ./dashboard -update rewrites it):\n%s", path, file, diff)
		}
	})
}

func TestPagesSayWhatMatters(t *testing.T) {
	d := newDashboard(t, nil)
	for name, tt := range map[string]struct {
		path string
		says []string
		not  []string
	}{
		"the index": {"/", []string{"unknown key helth", "being cleaned", "process <code>4711", "Waiting (1)", "expected to start in 6 minutes", "/badge/hedgedoc.svg", "1/5"}, nil},
		"a pass":    {"/runs/" + string(sample.Passed), []string{"pass", "5/5", "lint is clean", "seatrial run . --enrolment tests/guestbook/recipe.yaml --commit", "does not cover cache/"}, []string{"What would raise it"}},
		"a fail": {"/runs/" + string(sample.Failed), []string{"1/5", "What would raise it: an upgrade", "3 rows of entries are gone", "before: 6 rows", "copies only rows whose author", "joined by grace",
			"about an older commit", "no-health-path", "recipe.yaml:3", "29 s", "the upgrade failed", "pulls/7"}, nil},
		"out of time": {"/runs/" + string(sample.Unverified), []string{"unverified", "ran out of time", "not held against the recipe", "not asked"}, []string{"/5</span>"}},
		"running":     {"/runs/" + string(sample.Running), []string{"The app is up", "http://app-1a2b3c.localhost:8080", "503 so far", "to come", "/events"}, []string{"/5</span>"}},
		"waiting":     {"/runs/" + string(sample.Waiting), []string{"place 1 of 1", "6 minutes"}, []string{"The end of the log"}},
		"superseded":  {"/runs/" + string(sample.Superseded), []string{"/runs/" + string(sample.Waiting), "superseded"}, nil},
		"cancelled":   {"/runs/" + string(sample.Cancelled), []string{"cancelled"}, []string{"is being stopped"}},
		"leftovers":   {"/runs/" + string(sample.Dirty), []string{"unverified", "Left over", "ignores every signal"}, []string{`class="verdict pass"`}},
		"a README":    {"/recipes/guestbook", []string{"[![seatrial](https://seatrial.example.org/badge/guestbook.svg)](https://seatrial.example.org/recipes/guestbook)", "image:https://"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := get(t, d, tt.path)
			if resp.StatusCode != http.StatusOK {
				t.Fatal(resp.Status)
			}
			for _, s := range tt.says {
				if !strings.Contains(body, s) {
					t.Errorf("does not say %q", s)
				}
			}
			for _, s := range tt.not {
				if strings.Contains(body, s) {
					t.Errorf("says %q", s)
				}
			}
		})
	}
}
