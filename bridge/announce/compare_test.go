package announce_test

import (
	"strings"
	"testing"
	"time"

	"seatrial/bridge/announce"
	"seatrial/harness/run"
)

func TestWhatDiffersFromTheDefaultBranchIsSaid(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	report := func(id run.ID, outcomes map[run.Stage]run.Outcome) run.Report {
		r := run.Report{Request: run.Request{ID: id, Recipe: "guestbook"}, State: run.Ended, EndedAt: at, TornDown: true, Plan: &run.Plan{}}
		for _, s := range run.Stages() {
			if outcome, asked := outcomes[s]; asked {
				r.Plan.Stages = append(r.Plan.Stages, s)
				r.Stages = append(r.Stages, run.StageReport{Stage: s, Outcome: outcome})
			}
		}
		return r
	}
	base := report("01k9zq3v8e2m4n6p8r0t2v4x6a", map[run.Stage]run.Outcome{
		run.StageInstall: run.Passed, run.StageRestart: run.Failed, run.StageBackup: run.Failed, run.StageRestore: run.Unverified,
	})
	for name, c := range map[string]struct {
		outcomes map[run.Stage]run.Outcome
		want     string
	}{
		"all three": {map[run.Stage]run.Outcome{run.StageInstall: run.Failed, run.StageRestart: run.Failed, run.StageBackup: run.Passed, run.StageRestore: run.Failed},
			"Compared with [the default branch](https://ci.example.test/runs/01k9zq3v8e2m4n6p8r0t2v4x6a), newly failing: `install`; still failing: `restart`; newly fixed: `backup`."},
		"nothing": {map[run.Stage]run.Outcome{run.StageInstall: run.Passed, run.StageRestart: run.Blocked}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := announce.Render(report("01k9zq3v8e2m4n6p8r0t2v4x6b", c.outcomes), announce.Context{PublicURL: "https://ci.example.test", Base: &base})
			if c.want == "" && strings.Contains(text, "Compared with") || !strings.Contains(text, c.want) {
				t.Errorf("want %q in:\n%s", c.want, text)
			}
		})
	}
	if text := announce.Render(base, announce.Context{Base: &base}); strings.Contains(text, "Compared") {
		t.Error("a run is compared with itself")
	}
}
