package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// script numbers events of one run as their sources would.
type script struct {
	events []Event
	attempt,
	minutes int
	seq map[Source]int64
}

func (s *script) add(source Source, kind Kind, change func(*Event)) *script {
	if s.seq == nil {
		s.seq = map[Source]int64{}
	}
	s.seq[source]++
	s.minutes++
	e := Event{Run: "r", Attempt: s.attempt, Source: source, Seq: s.seq[source], At: noon.Add(time.Duration(s.minutes) * time.Minute), Kind: kind}
	if change != nil {
		change(&e)
	}
	s.events = append(s.events, e)
	return s
}

func (s *script) asked() *script {
	return s.add(Bridge, KindRequested, func(e *Event) { *e = e.With(Request{ID: "r", Recipe: "guestbook"}) })
}

func (s *script) dispatched(attempt int) *script {
	s.attempt = attempt
	s.seq[Harness] = 0
	return s.add(Bridge, KindDispatching, func(e *Event) { *e = e.With(Lease{Slot: 1, Expires: noon}) }).
		add(Bridge, KindDispatched, nil).
		add(Harness, KindStarted, func(e *Event) { *e = e.With(Started{Label: "gues-123456"}) })
}

func (s *script) planned(stages ...Stage) *script {
	return s.add(Harness, KindPlanned, func(e *Event) { *e = e.With(Plan{Stages: stages}) })
}

func (s *script) answered(stage Stage, o Outcome, fault *Fault) *script {
	s.add(Harness, KindStageStarted, func(e *Event) { e.Stage = stage })
	return s.add(Harness, KindStageEnded, func(e *Event) {
		e.Stage, e.Outcome, e.Took, e.Note = stage, o, time.Second, "note"
		if fault != nil {
			*e = e.With(fault)
		}
	})
}

func (s *script) tornDown(left ...Leftover) *script {
	return s.add(Harness, KindTornDown, func(e *Event) { *e = e.With(Swept{Leftovers: left}) }).add(Harness, KindFinished, nil)
}

func (s *script) ended() *script { return s.add(Bridge, KindEnded, nil) }

func fold(t *testing.T, s *script) Report {
	t.Helper()
	r, err := Fold(s.events)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStatesInTheirOrder(t *testing.T) {
	s := new(script).asked().dispatched(1).planned(StageInstall).answered(StageInstall, Passed, nil).tornDown().ended()
	want := []State{Waiting, Starting, Starting, Running, Running, Running, Running, Running, TearingDown, Ended}
	var r Report
	for i, e := range s.events {
		if err := r.Apply(e); err != nil {
			t.Fatal(err)
		}
		if r.State != want[i] {
			t.Errorf("after event %d, %s, the state is %s, want %s", i, e.Kind, r.State, want[i])
		}
	}
	if r.Request.Recipe != "guestbook" || r.Lease.Slot != 1 || r.Started.Label != "gues-123456" || r.EndedAt.IsZero() || !r.TornDown {
		t.Errorf("facts got lost: %+v", r)
	}
}

func TestAnEventSeenTwiceCountsOnce(t *testing.T) {
	once := new(script).asked().dispatched(1).planned(StageLint)
	once.add(Harness, KindWarning, func(e *Event) { e.Note = "careful" }).
		add(Harness, KindFinding, func(e *Event) { *e = e.With(Finding{ID: "no-readme"}) }).
		answered(StageLint, Passed, nil).tornDown().ended()
	twice := &script{}
	for i := range once.events {
		twice.events = append(twice.events, once.events[i])
		twice.events = append(twice.events, once.events[:i+1]...)
	}
	a, b := fold(t, once), fold(t, twice)
	a.seen, b.seen = nil, nil
	if diff := cmp.Diff(a, b, cmp.AllowUnexported(Report{})); diff != "" {
		t.Errorf("repeated events changed the report:\n%s", diff)
	}
}

func TestOnlyTheLatestAttemptCounts(t *testing.T) {
	s := new(script).asked().dispatched(1).planned(StageInstall, StageLint).answered(StageInstall, Failed, &Fault{Summary: "old"})
	late := Event{Run: "r", Attempt: 1, Source: Harness, Seq: 99, Kind: KindStageEnded, Stage: StageLint, Outcome: Failed}
	s.add(Bridge, KindLost, func(e *Event) { e.Note = "killed by signal 9" }).dispatched(2).planned(StageInstall)
	s.events = append(s.events, late)
	s.answered(StageInstall, Passed, nil).tornDown().ended()
	r := fold(t, s)
	if r.Attempt != 2 || len(r.Stages) != 1 || r.Outcome(StageInstall) != Passed || r.Verdict() != VerdictPass {
		t.Errorf("the first attempt shows through: %+v", r.Stages)
	}
	if want := []string{"lost: killed by signal 9"}; !cmp.Equal(r.Earlier, want) {
		t.Errorf("earlier attempts: %q, want %q", r.Earlier, want)
	}
}

func TestAReportIsNeverMadeFromHalfOfTheFacts(t *testing.T) {
	s := new(script).asked().dispatched(1)
	s.add(Harness, KindPlanned, func(e *Event) { e.Data = []byte(`{"stages": 7}`) })
	if _, err := Fold(s.events); err == nil {
		t.Fatal("an event that cannot be decoded was swallowed")
	}
}

func TestAnInterruptionSaysWhyAndWhat(t *testing.T) {
	s := new(script).asked().dispatched(1).planned(StageInstall)
	s.add(Harness, KindInterrupted, func(e *Event) {
		e.Note = string(EndSilent)
		*e = e.With("nothing for 20m0s")
	})
	s.tornDown().ended()
	r := fold(t, s)
	if r.Ending != EndSilent || r.EndingNote != "nothing for 20m0s" || r.Verdict() != VerdictUnverified {
		t.Errorf("got ending %q, note %q, verdict %s", r.Ending, r.EndingNote, r.Verdict())
	}
}

func TestWhoeverLookedLastKnowsTheLeftovers(t *testing.T) {
	s := new(script).asked().dispatched(1).planned(StageInstall).answered(StageInstall, Passed, nil)
	s.tornDown(Leftover{Kind: "process", Name: "7"})
	s.add(Bridge, KindSwept, func(e *Event) { *e = e.With(Swept{Removed: 1}) }).ended()
	r := fold(t, s)
	if len(r.Leftovers) != 0 || r.Verdict() != VerdictPass {
		t.Errorf("leftovers %v, verdict %s", r.Leftovers, r.Verdict())
	}
}

func TestCurrentAndFault(t *testing.T) {
	s := new(script).asked().dispatched(1).planned(Stages()...)
	s.answered(StageBackup, Failed, &Fault{Summary: "second"}).answered(StageUpgrade, Failed, &Fault{Summary: "first"})
	s.add(Harness, KindStageStarted, func(e *Event) { e.Stage = StageRestore })
	r := fold(t, s)
	if r.Current() != StageRestore {
		t.Errorf("current is %q", r.Current())
	}
	if stage, f := r.Fault(); stage != StageUpgrade || f.Summary != "first" {
		t.Errorf("the first fault in the report's order is %s %v", stage, f)
	}
}

func TestLabelsAreHostNames(t *testing.T) {
	id := ID("01k9zq3v8e2m4n6p8r0t2v4x6y")
	for recipe, prefix := range map[string]string{"guestbook": "gues-", "a": "a-", "9lives": "live-", "ä!": "app-", "My-App": "myap-"} {
		label := id.Label(recipe)
		if len(label) != len(prefix)+6 || label[:len(prefix)] != prefix {
			t.Errorf("%q gives %q, want %s and six digits", recipe, label, prefix)
		}
	}
	if id.Label("x") == ID("01k9zq3v8e2m4n6p8r0t2v4x6z").Label("x") {
		t.Error("two runs got one label")
	}
}

func TestIDs(t *testing.T) {
	id := NewID(noon)
	if parsed, err := ParseID(string(id)); err != nil || parsed != id {
		t.Errorf("%s is not read back: %v", id, err)
	}
	if _, err := ParseID("../../etc"); err == nil {
		t.Error("a path was taken for an ID")
	}
	if later := NewID(noon.Add(time.Second)); later <= id {
		t.Errorf("%s does not sort after %s", later, id)
	}
}

// A question that was given up without an answer is not asked any more.
func TestTheCurrentStageIsTheOneThatBeganLast(t *testing.T) {
	at := time.Unix(100, 0)
	r := Report{Stages: []StageReport{
		{Stage: StagePolicy, StartedAt: at, Outcome: Passed}, {Stage: StageUpgrade, StartedAt: at.Add(time.Second)},
		{Stage: StageRestart}, {Stage: StageInstall, StartedAt: at.Add(2 * time.Second)},
	}}
	if got := r.Current(); got != StageInstall {
		t.Errorf("got %q", got)
	}
}
