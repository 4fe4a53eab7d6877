package cli

import (
	"strings"
	"testing"
	"time"

	"seatrial/harness/run"
)

// summaryOf is what a person reads at the end of a run that failed in upgrade.
func summaryOf(change func(*run.Report)) string {
	fault := &run.Fault{Summary: "2 rows of \x1b[31mentries\u202e are gone", Evidence: []string{"before: 6 rows", "after: 4"}, Hint: "look at the migration"}
	r := run.Report{
		Request: run.Request{ID: "01k9zq3v8e2m4n6p8r0t2v4x6y", Recipe: "guestbook", Code: run.Code{Commit: "080e1111f78eeb5cc0b2c0ec03d395b9955bcb08"}},
		State:   run.Ended, Attempt: 1, Plan: &run.Plan{Stages: []run.Stage{run.StageUpgrade}}, TornDown: true, Removed: 7,
		Stages: []run.StageReport{{Stage: run.StageUpgrade, Outcome: run.Failed, Took: 1300 * time.Millisecond, Note: fault.Summary, Fault: fault}},
	}
	change(&r)
	var b strings.Builder
	printSummary(&b, r)
	return b.String()
}

func TestTheSummaryTellsAFaultOnceAndHarmlessly(t *testing.T) {
	got := summaryOf(func(*run.Report) {})
	if strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("a stranger's text reaches the terminal as it is: %q", got)
	}
	for _, want := range []string{"FAIL: guestbook at 080e1111f7\n", "failed        1.3s", "| before: 6 rows\n", "look at the migration", "Level 0 of 5. What would raise it: ", "Torn down: 7 made, 0 left over."} {
		if !strings.Contains(got, want) {
			t.Errorf("the summary lacks %q:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "entries"); n != 1 {
		t.Errorf("the fault is told %d times:\n%s", n, got)
	}
}

func TestOneStageAloneMakesNoLevel(t *testing.T) {
	got := summaryOf(func(r *run.Report) { r.Request.Only = run.StageUpgrade })
	if !strings.Contains(got, "Only upgrade was asked: that makes no level.") || strings.Contains(got, "Level 0") {
		t.Errorf("got:\n%s", got)
	}
}
