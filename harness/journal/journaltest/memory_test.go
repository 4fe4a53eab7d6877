package journaltest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	journaltest.Contract(t, func(*testing.T) journal.Journal { return journaltest.NewMemory() })
}

func TestMemoryCallsTheHookForEachEventThatIsNew(t *testing.T) {
	m := journaltest.NewMemory()
	var kinds []run.Kind
	m.AfterAppend = func(kind run.Kind) {
		if last, err := m.Last(t.Context()); err != nil || last == 0 {
			t.Errorf("the hook ran before the event was there, or under the lock: %d, %v", last, err)
		}
		kinds = append(kinds, kind)
	}
	story := journaltest.Story(journaltest.Request("guestbook", 1))[:3]
	for range 2 {
		if err := m.Append(t.Context(), story...); err != nil {
			t.Fatal(err)
		}
	}
	want := []run.Kind{run.KindRequested, run.KindDispatching, run.KindDispatched}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestMemoryTakesBackWhatAFailedUpdateAppended(t *testing.T) {
	m := journaltest.NewMemory()
	no := errors.New("no")
	err := m.Update(t.Context(), func(appendEvents func(...run.Event) error) error {
		if err := appendEvents(journaltest.Story(journaltest.Request("guestbook", 1))...); err != nil {
			t.Fatal(err)
		}
		return no
	})
	if last, _ := m.Last(t.Context()); !errors.Is(err, no) || last != 0 {
		t.Errorf("Update = %v, and the last position is %d", err, last)
	}
}
