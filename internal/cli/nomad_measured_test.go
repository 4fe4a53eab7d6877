package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/cluster/setup"
	"seatrial/harness/run"
)

func TestResourcesFollowWhatLatestRunsTook(t *testing.T) {
	ended := func(recipe string, outcome run.Outcome, memory int64) run.Report {
		return run.Report{
			Request: run.Request{Recipe: recipe}, State: run.Ended, TornDown: true, Measured: &run.Measured{Memory: memory, Backup: 9000},
			Plan: &run.Plan{Stages: []run.Stage{run.StageInstall}}, Stages: []run.StageReport{{Stage: run.StageInstall, Outcome: outcome}},
		}
	}
	const mib = 1 << 20
	reports := []run.Report{
		ended("guestbook", run.Passed, 40*mib),
		ended("guestbook", run.Failed, 900*mib), // who knows what it did
		ended("guestbook", run.Passed, 60*mib),
		ended("guestbook", run.Passed, 50*mib),
		ended("guestbook", run.Passed, 50*mib),
		ended("guestbook", run.Passed, 50*mib),
		ended("guestbook", run.Passed, 800*mib), // long ago
		ended("pages", run.Passed, 0),           // its memory was not counted, its backup was
		{Request: run.Request{Recipe: "wiki"}, State: run.Ended},
		{ // measured, but not its memory
			Request: run.Request{Recipe: "stack"}, State: run.Ended, TornDown: true, Measured: &run.Measured{Images: 7 * mib},
			Plan: &run.Plan{Stages: []run.Stage{run.StageInstall}}, Stages: []run.StageReport{{Stage: run.StageInstall, Outcome: run.Passed}},
		},
	}
	want := map[string]setup.Resources{"guestbook": setup.FromPeak(60 * mib)}
	if diff := cmp.Diff(want, resourcesOf(reports)); diff != "" {
		t.Error(diff)
	}
	if got := setup.FromPeak(60 * mib).MemoryMB; got < 90+200 || got > 90+400 {
		t.Errorf("%d MiB for an app that was seen with 60", got)
	}
}
