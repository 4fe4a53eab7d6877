package stage

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/harness/run"
)

// A run that is stopped blames nobody: what a killed build looks like is no evidence.
func TestACancelledStageIsUnverified(t *testing.T) {
	for _, deed := range []string{"deploy 1.0.0", "upgrade head", "stop", "freeze", "export data", "deploy head", "import data", "look", "step front page"} {
		t.Run(deed, func(t *testing.T) {
			s := newStory(t)
			synctest.Test(t, func(t *testing.T) {
				s.app.t = t
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				s.app.on[deed] = func(context.Context) error {
					cancel(errors.New("out of time"))
					return &run.Fault{Summary: "killed"}
				}
				s.tell(ctx)
			})
			r := s.report(t)
			if strings.Contains(outcomes(r), "failed") {
				t.Errorf("a fault was made of a cancellation: %s", outcomes(r))
			}
			if !strings.Contains(text(r), "unverified stopped: out of time") {
				t.Errorf("nobody says that the stage was stopped:\n%s", text(r))
			}
			if v := r.Verdict(); v != run.VerdictUnverified {
				t.Errorf("verdict %s", v)
			}
			last := s.app.deeds[len(s.app.deeds)-1]
			if last != deed && last != "thaw" {
				t.Errorf("after the run was stopped, %q was done", last)
			}
			if s.app.frozen {
				t.Error("the app was left frozen")
			}
		})
	}
}

func TestNothingIsAskedAfterTheEnd(t *testing.T) {
	s := newStory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.tell(ctx)
	if len(s.app.deeds) > 0 {
		t.Errorf("done all the same: %v", s.app.deeds)
	}
}

// Waiting shows as life to people, and is no progress to the clock of silence.
func TestWaitingIsABeat(t *testing.T) {
	s := newStory(t)
	s.previous = nil
	synctest.Test(t, func(t *testing.T) {
		s.app.t = t
		began := time.Now()
		s.app.answer = func() (int, string) {
			if time.Since(began) < 17*time.Second {
				return 503, ""
			}
			return 200, ""
		}
		s.tell(t.Context())
	})
	if got := strings.Join(s.log.beats, ", "); !strings.HasPrefix(got, "waiting until healthy (5s), waiting until healthy (1") {
		t.Errorf("beats: %s", got)
	}
	if r := s.report(t); r.Outcome(run.StageInstall) != run.Passed {
		t.Error(text(r))
	}
}

func TestHealthAsTheEnrolmentSays(t *testing.T) {
	s := newStory(t)
	s.previous, s.only = nil, run.StageInstall
	s.enrolment.Health.Status, s.enrolment.Health.Text = 204, "ok"
	began := 0
	synctest.Test(t, func(t *testing.T) {
		s.app.t = t
		s.app.answer = func() (int, string) {
			began++
			switch began {
			case 1:
				return 200, "ok"
			case 2:
				return 204, "soon"
			}
			return 204, "it is ok"
		}
		s.tell(t.Context())
	})
	if r := s.report(t); r.Outcome(run.StageInstall) != run.Passed || began < 3 {
		t.Errorf("after %d answers: %s", began, text(r))
	}
}

func TestARedirectIsAnAnswer(t *testing.T) {
	s := newStory(t)
	s.previous, s.only = nil, run.StageInstall
	synctest.Test(t, func(t *testing.T) {
		s.app.t = t
		s.app.answer = func() (int, string) { return 302, "" }
		s.tell(t.Context())
	})
	if r := s.report(t); r.Outcome(run.StageInstall) != run.Passed {
		t.Error(text(r))
	}
	if !s.result.Up {
		t.Error("the app is up, and the result does not say so")
	}
}
