package stage

import (
	"slices"
	"testing"
	"testing/synctest"

	"seatrial/harness/run"
)

// What a copy lacks is told where it is made and where it is put back, and decides nothing.
func TestWhatIsNotKeptOfAVolumeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t)
		s.app.notKept = []string{`sockets were not kept: 1 ("run/app.sock")`}
		s.tell(t.Context())
		if r := s.report(t); r.Verdict() != run.VerdictPass {
			t.Errorf("the verdict is %s: %s", r.Verdict(), outcomes(r))
		}
		var told []run.Stage
		for _, e := range s.log.events {
			if e.Kind == run.KindProgress && e.Note == `of the volume data, sockets were not kept: 1 ("run/app.sock")` {
				told = append(told, e.Stage)
			}
		}
		if want := []run.Stage{run.StageBackup, run.StageRestore}; !slices.Equal(told, want) {
			t.Errorf("told at %q, want %q", told, want)
		}
	})
}
