package bridge_test

import (
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// A forge that wants to be left alone gets its wish, and everything is said afterwards:
// also when that is later than what fails is given up.
func TestAForgeThatAsksUsToWaitIsToldLater(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		until := time.Now().Add(50 * time.Hour)
		tries := 0
		w.forge.mu.Lock()
		w.forge.fail = func(call string) error {
			if call == "CreateComment" || call == "SetStatus" {
				if tries++; time.Now().Before(until) {
					return &forge.LimitedError{Until: until, Why: "it was asked too much"}
				}
			}
			return nil
		}
		w.forge.mu.Unlock()
		w.start()
		w.forge.say(ada, "!testme")
		pause(49 * time.Hour)
		if ours := w.forge.ours(); len(ours) != 0 {
			t.Fatalf("it was said all the same: %+v", ours)
		}
		w.forge.mu.Lock()
		if tries > 60 {
			t.Errorf("in 49 hours it was tried %d times, want at most once an hour and a few", tries)
		}
		w.forge.mu.Unlock()
		pause(3 * time.Hour)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if ours := w.forge.ours(); len(ours) != 1 || !strings.Contains(ours[0].Body, "pass") {
			t.Errorf("there are %d comments of ours", len(ours))
		}
	})
}

func TestACommentIsDecidedAboutWhenTheForgeMayBeAskedAgain(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		until := time.Now().Add(20 * time.Minute)
		tries := 0
		w.forge.mu.Lock()
		w.forge.fail = func(call string) error {
			if call == "React" {
				if tries++; time.Now().Before(until) {
					return &forge.LimitedError{Until: until}
				}
			}
			return nil
		}
		w.forge.mu.Unlock()
		w.start()
		w.forge.say(ada, "!testme")
		pause(19 * time.Minute)
		w.forge.mu.Lock()
		if tries != 1 {
			t.Errorf("it was tried %d times before the forge may be asked again", tries)
		}
		w.forge.mu.Unlock()
		pause(3 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
	})
}
