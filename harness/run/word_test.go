package run_test

import (
	"testing"

	"seatrial/harness/run"
)

func TestWord(t *testing.T) {
	failed := []run.StageReport{{Stage: run.StageUpgrade, Outcome: run.Failed}}
	for want, r := range map[string]run.Report{
		"running":    {State: run.Running},
		"cancelled":  {State: run.Ended, Ending: run.EndCancelled},
		"superseded": {State: run.Ended, Ending: run.EndSuperseded},
		"unverified": {State: run.Ended, Ending: run.EndOutOfTime},
		"fail":       {State: run.Ended, Ending: run.EndCancelled, Stages: failed}, // proven before it was cancelled
	} {
		if got := r.Word(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
