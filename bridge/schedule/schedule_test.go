package schedule

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge"
)

const day = 24 * time.Hour

func inABubble(t *testing.T, schedule string, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newWorld(t, schedule)) })
}

func TestARecipeIsTestedEachNight(t *testing.T) {
	inABubble(t, "nightly", func(t *testing.T, w *world) {
		w.start()
		w.pass(7 * day)
		w.stop()
		if w.count() != 7 {
			t.Fatalf("it was asked for %d times: %v", w.count(), w.asks)
		}
		for i, at := range w.asks {
			if h := at.UTC().Hour(); h < 1 || h >= 5 {
				t.Errorf("it was asked for at %s", at)
			}
			if i > 0 && at.Sub(w.asks[i-1]).Round(time.Minute) != day {
				t.Errorf("from %s to %s", w.asks[i-1], at)
			}
		}
		if len(w.writes) != 0 {
			t.Errorf("written, although it always passed: %v", w.writes)
		}
	})
}

func TestASchedulesOfOtherKinds(t *testing.T) {
	for schedule, want := range map[string]int{"off": 0, "": 0, "weekly": 2, "30 3 * * 1-5": 10, "0 */12 * * *": 28} {
		inABubble(t, schedule, func(t *testing.T, w *world) {
			w.start()
			w.pass(14 * day)
			w.stop()
			if w.count() != want {
				t.Errorf("%q: asked for %d times in two weeks, want %d", schedule, w.count(), want)
			}
		})
	}
}

func TestWhatWasMissedIsMadeUpOnce(t *testing.T) {
	inABubble(t, "nightly", func(t *testing.T, w *world) {
		w.start()
		w.pass(2 * day)
		w.stop()
		time.Sleep(30 * day)
		before := w.count()
		w.start()
		w.pass(time.Minute)
		if n := w.count() - before; n != 1 {
			t.Errorf("at the start it was asked for %d times", n)
		}
		for range 5 { // a restart is no reason
			w.stop()
			w.start()
			w.pass(time.Minute)
		}
		if n := w.count() - before; n != 1 {
			t.Errorf("after restarts it was asked for %d times", n)
		}
		w.pass(day)
		w.stop()
		if n := w.count() - before; n != 2 {
			t.Errorf("a day later it was asked for %d times", n)
		}
	})
}

func TestANewScheduleHasMissedNothing(t *testing.T) {
	inABubble(t, "off", func(t *testing.T, w *world) {
		w.start()
		w.pass(3 * day)
		w.change(func() { w.recipe.Schedule = "0 4 * * *" }) // now it is midnight
		w.pass(3 * time.Hour)
		if w.count() != 0 {
			t.Errorf("asked for at %v", w.asks)
		}
		w.pass(2 * time.Hour)
		w.change(func() { w.recipe.Schedule = "0 2 * * *" }) // that was three hours ago
		w.pass(2 * time.Hour)
		w.stop()
		if w.count() != 1 {
			t.Errorf("asked for at %v", w.asks)
		}
	})
}

func TestAForgeThatIsDownIsAskedAgain(t *testing.T) {
	inABubble(t, "0 2 * * *", func(t *testing.T, w *world) {
		w.start()
		w.change(func() { w.down = true })
		w.pass(5 * time.Hour)
		w.change(func() { w.down = false })
		w.pass(2 * time.Minute)
		w.stop()
		if w.count() != 1 {
			t.Errorf("asked for at %v", w.asks)
		}
	})
}

func TestAForgeThatHangsDelaysNoOthersSchedule(t *testing.T) {
	inABubble(t, "nightly", func(t *testing.T, w *world) {
		w.others = []enrolment{{Name: "mail", Forge: "hub", Repo: "guild/mail", Schedule: "nightly"}}
		w.hangs = map[string]chan struct{}{"gitea": make(chan struct{})}
		w.start()
		w.pass(48 * time.Hour)
		if d := cmp.Diff([]string{"mail", "mail"}, w.askedOf); d != "" {
			t.Errorf("after two nights: %s", d)
		}
		close(w.hangs["gitea"])
		w.pass(time.Minute)
		w.stop()
		if d := cmp.Diff([]string{"mail", "mail", "guestbook"}, w.askedOf); d != "" {
			t.Errorf("when it is back: %s", d)
		}
	})
}

func TestOneRunAtATime(t *testing.T) {
	inABubble(t, "0 * * * *", func(t *testing.T, w *world) {
		w.set("never")
		w.start()
		w.pass(5*time.Hour + 30*time.Minute)
		w.stop()
		if w.count() != 1 {
			t.Errorf("asked for at %v", w.asks)
		}
	})
}

// night lets a night pass in which a run comes to something.
func (w *world) night(comes string) {
	w.set(comes)
	w.pass(day)
}

func TestTheIssueFollowsTheResult(t *testing.T) {
	inABubble(t, "nightly", func(t *testing.T, w *world) {
		w.start()
		for _, comes := range []string{"pass", "fail", "fail", "unverified", "fail", "pass", "pass", "unverified", "pass", "drop", "drop", "pass", "fail", "pass"} {
			w.night(comes)
			w.stop() // a restart changes nothing
			w.start()
			w.pass(2 * time.Minute)
		}
		w.stop()
		want := []string{
			"open: guestbook fails on main", "close: guestbook passes again on main",
			"reopen: guestbook dropped to level 3 of 5 on main", "close: guestbook passes again on main",
			"reopen: guestbook fails on main", "close: guestbook passes again on main",
		}
		if d := cmp.Diff(want, w.writes); d != "" || len(w.issues) != 1 {
			t.Errorf("%d issues: %s", len(w.issues), d)
		}
	})
}

func TestAFirstFailureIsToldAndAFirstPassIsNot(t *testing.T) {
	for comes, want := range map[string]int{"fail": 1, "pass": 0, "unverified": 0} {
		inABubble(t, "nightly", func(t *testing.T, w *world) {
			w.start()
			w.night(comes)
			w.night(comes)
			w.stop()
			if len(w.writes) != want {
				t.Errorf("%s: %v", comes, w.writes)
			}
		})
	}
}

func TestAnIssueIsNotOpenedTwice(t *testing.T) {
	inABubble(t, "nightly", func(t *testing.T, w *world) {
		w.start()
		w.night("pass")
		w.night("fail")
		w.stop()
		// The last process died after it had opened the issue and before it could say so.
		if err := w.memory.SetCursor(t.Context(), announcedScope(w.recipe), ""); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.pass(5 * time.Minute)
		w.stop()
		if len(w.issues) != 1 {
			t.Errorf("%v", w.writes)
		}
	})
}

func TestARepositoryWithoutIssues(t *testing.T) {
	inABubble(t, "nightly", func(t *testing.T, w *world) {
		w.noIssue = true
		w.start()
		w.night("pass")
		w.night("fail")
		w.change(func() { w.noIssue = false })
		w.night("fail")
		w.stop()
		if len(w.writes) != 0 || w.count() != 3 {
			t.Errorf("%v, asked for at %v", w.writes, w.asks)
		}
	})
}

func TestWhatCannotBeScheduled(t *testing.T) {
	w := newWorld(t, "")
	for _, c := range []Config{
		{},
		{Bridge: w, Runs: w.memory, Memory: w.memory, Enrolments: nil},
		{Bridge: w, Runs: w.memory, Memory: w.memory, Enrolments: func() (none []enrolment) { return none }, Default: "sometimes"},
		{Bridge: w, Runs: w.memory, Memory: w.memory, Enrolments: func() (none []enrolment) { return none }, Night: Night{5 * time.Hour, time.Hour}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

var _ Bridge = (*bridge.Bridge)(nil)
