package badge

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seatrial/harness/run"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func green(b Badge) bool {
	switch b.Color {
	case BrightGreen, Green, YellowGreen, Yellow:
		return true
	}
	return false
}

// drawReport makes any report at all, likely or not.
func drawReport(t *rapid.T) run.Report {
	stages := run.Stages()
	outcomes := []run.Outcome{"", run.Passed, run.Passed, run.Passed, run.Failed, run.Skipped, run.Blocked, run.Unverified}
	planned := rapid.SliceOfNDistinct(rapid.SampledFrom(stages), 0, len(stages), rapid.ID).Draw(t, "planned")
	r := run.Report{
		State:    rapid.SampledFrom([]run.State{"", run.Waiting, run.Starting, run.Running, run.TearingDown, run.Ended, run.Ended, run.Ended}).Draw(t, "state"),
		Ending:   rapid.SampledFrom([]run.Ending{"", "", "", run.EndCancelled, run.EndSuperseded, run.EndLost, run.EndOutOfTime}).Draw(t, "ending"),
		TornDown: rapid.SampledFrom([]bool{true, true, false}).Draw(t, "torn down"),
	}
	if rapid.Bool().Draw(t, "has a plan") {
		r.Plan = &run.Plan{Stages: planned}
	}
	for _, s := range rapid.SliceOfNDistinct(rapid.SampledFrom(stages), 0, len(stages), rapid.ID).Draw(t, "answered") {
		r.Stages = append(r.Stages, run.StageReport{Stage: s, Outcome: rapid.SampledFrom(outcomes).Draw(t, string(s))})
	}
	if rapid.IntRange(0, 3).Draw(t, "leftovers") == 0 {
		r.Leftovers = []run.Leftover{{Kind: "process", Name: "7"}}
	}
	if rapid.IntRange(0, 3).Draw(t, "only") == 0 {
		r.Request.Only = run.StageLint
	}
	return r
}

func TestBadgeNeverOverstates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawReport(t)
		b := Of(r)
		if green(b) && r.Verdict() != run.VerdictPass {
			t.Fatalf("%+v for a run whose verdict is %s", b, r.Verdict())
		}
		if strings.HasPrefix(b.Message, "level") && r.Verdict() != run.VerdictPass {
			t.Fatalf("%+v tells a level for a run whose verdict is %s", b, r.Verdict())
		}
		if green(b) && (len(r.Leftovers) > 0 || r.Request.Only != "") {
			t.Fatalf("%+v for a run that left something or asked only one question", b)
		}
		if b.Message == "" || fills[b.Color] == "" {
			t.Fatalf("%+v cannot be drawn", b)
		}
	})
}

func ended(outcomes ...run.Outcome) run.Report {
	r := run.Report{State: run.Ended, TornDown: true, Plan: &run.Plan{}, EndedAt: time.Unix(1, 0)}
	for i, o := range outcomes {
		s := run.Stages()[i]
		r.Plan.Stages = append(r.Plan.Stages, s)
		r.Stages = append(r.Stages, run.StageReport{Stage: s, Outcome: o})
	}
	return r
}

func TestOf(t *testing.T) {
	const p, f, s = run.Passed, run.Failed, run.Skipped
	leftover := ended(p, p, p, p, p, p, p, p)
	leftover.Leftovers = []run.Leftover{{Kind: "folder", Name: "x"}}
	cancelled := ended(p)
	cancelled.Ending = run.EndCancelled
	for name, tt := range map[string]struct {
		report run.Report
		want   Badge
	}{
		"everything passed":    {ended(p, p, p, p, p, p, p, p), Badge{Label, "level 5/5", BrightGreen}},
		"no checks of its own": {ended(p, p, p, p, p, p, p), Badge{Label, "level 3/5", YellowGreen}},
		"no release":           {ended(p, p, s, p, p, p, p), Badge{Label, "level 3/5", YellowGreen}},
		"a fault":              {ended(p, p, f, p, p, p, p, p), Badge{Label, "failing", Red}},
		"something left":       {leftover, Badge{Label, "unverified", Grey}},
		"cancelled":            {cancelled, Badge{Label, "cancelled", Grey}},
		"running":              {run.Report{State: run.Running}, Badge{Label, "running", Blue}},
		"nothing":              {run.Report{}, untested},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Of(tt.report); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Nobody has tried what is there now.
func TestAnOldResultIsNotGreen(t *testing.T) {
	const day = 24 * time.Hour
	level, failing := Badge{Label, "level 5/5", BrightGreen}, Badge{Label, "failing", Red}
	for _, tt := range []struct {
		of     Badge
		behind int
		age    time.Duration
		want   Badge
	}{
		{level, 0, 29 * day, level},
		{failing, 0, 0, failing},
		{level, 1, 0, Badge{Label, "5/5 · 1 commit ago", Grey}},
		{level, 3, 29 * day, Badge{Label, "5/5 · 3 commits ago", Grey}},
		{failing, 3, 0, Badge{Label, "failing · 3 commits ago", Grey}},
		{level, -1, 0, Badge{Label, "5/5 · many commits ago", Grey}},
		{level, 0, 30 * day, Badge{Label, "5/5 · 30 days old", Grey}},
		{level, 2, 45*day + time.Hour, Badge{Label, "5/5 · 2 commits ago · 45 days old", Grey}},
	} {
		if got := tt.of.old(tt.behind, tt.age); got != tt.want {
			t.Errorf("%d behind, %s old: got %+v, want %+v", tt.behind, tt.age, got, tt.want)
		}
	}
}

func TestSVG(t *testing.T) {
	for name, b := range map[string]Badge{
		"level":   {Label, "level 4/5", Green},
		"failing": {Label, "failing", Red},
		"unknown": unknownRecipe,
		"hostile": {cleanLabel("\"><script>&\x00\u202e" + strings.Repeat("w", 60)), "level 5/5", BrightGreen},
		"bare":    {"", "untested", Grey},
	} {
		t.Run(name, func(t *testing.T) {
			svg := b.SVG()
			wellFormed(t, svg)
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, svg, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(svg) != string(want) {
				t.Errorf("differs from %s (go test -update rewrites it):\n%s", file, svg)
			}
		})
	}
}

// wellFormed reads the picture as XML: words must be words, and no element may be
// one that runs or loads something.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			switch e.Name.Local {
			case "script", "image", "a", "foreignObject", "style", "use":
				t.Errorf("the picture has a <%s>", e.Name.Local)
			}
		}
	}
}

func TestTextWidthFitsShields(t *testing.T) {
	// What badge-maker gives for the same words.
	for text, want := range map[string]int{"testme": 39, "passing": 41} {
		if got := textWidth(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
