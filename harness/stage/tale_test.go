package stage

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"seatrial/harness/run"
)

// tale is an app, and what must come of it. Where nothing is said, anything may.
type tale struct {
	name     string
	given    func(s *story)
	outcomes string
	verdict  run.Verdict // with its level
	level    int
	tells    []string // of the faults, notes and warnings
	silent   []string // about this
	deeds    string   // in this order, among others
	never    []string // done
}

func (c tale) play(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		s := newStory(t)
		synctest.Test(t, func(t *testing.T) {
			s.app.t = t
			if c.given != nil {
				c.given(s)
			}
			s.tell(t.Context())
		})
		r := s.report(t)
		if got := outcomes(r); got != c.outcomes {
			t.Errorf("answers:\n got %s\nwant %s\n%s", got, c.outcomes, text(r))
		}
		if c.verdict != "" && (r.Verdict() != c.verdict || r.Level() != c.level) {
			t.Errorf("verdict %s, level %d, want %s, %d\n%s", r.Verdict(), r.Level(), c.verdict, c.level, text(r))
		}
		for _, want := range c.tells {
			if !strings.Contains(text(r), want) {
				t.Errorf("nobody tells %q:\n%s", want, text(r))
			}
		}
		for _, not := range c.silent {
			if strings.Contains(text(r), not) {
				t.Errorf("somebody tells %q:\n%s", not, text(r))
			}
		}
		inOrder(t, s.app.deeds, c.deeds)
		for _, not := range c.never {
			if all := strings.Join(s.app.deeds, ",") + ","; strings.Contains(all, not+",") {
				t.Errorf("%q was done: %s", not, all)
			}
		}
		if o := r.Outcome(run.StageBackup); o != "" && (o == run.Passed) != (s.result.Backup > 0) {
			t.Errorf("the backup holds %d bytes", s.result.Backup)
		}
		if left, _ := filepath.Glob(filepath.Join(s.dir, "backup-*")); len(left) > 0 || s.app.frozen {
			t.Errorf("left: %v, frozen: %v", left, s.app.frozen)
		}
	})
}
