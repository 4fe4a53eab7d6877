package e2e_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/run"
)

// crashesAtOnce is how many of these stories play at the same time. Most of a run
// is waiting.
const crashesAtOnce = 4

// crash is a point at which a program kills itself by SIGKILL, and the story that
// leads there. name#2 is the second time that a process comes to it.
type crash struct {
	recipe string // an example; empty: the guestbook
	point  string
	flags  []string
	before func(s *crashed) error // happens before anybody comments
	plot   func(s *crashed) error // happens after the first comment
	wants  []ending               // nil: one run, which passes at its first attempt
}

// ending is what must have become of a run, oldest first.
type ending struct {
	verdict  run.Verdict
	ending   run.Ending
	attempts int // or inTime
	status   forge.StatusState
	says     string // in its comment
}

// inTime: at the first attempt that began. The run begins while the forge is told, and
// a bridge that dies just then does not dispatch the same attempt again.
const inTime = -1

// atLast: at any attempt, or not at all: what died may come back while it is waited for,
// and where it does not, nobody is blamed.
const atLast = -2

var (
	passes       = ending{run.VerdictPass, run.EndedNormally, 1, forge.StatusSuccess, "✅ **pass**"}
	passesAgain  = ending{run.VerdictPass, run.EndedNormally, 2, forge.StatusSuccess, "✅ **pass**"}
	passesInTime = ending{run.VerdictPass, run.EndedNormally, inTime, forge.StatusSuccess, "✅ **pass**"}
	isCancelled  = ending{run.VerdictUnverified, run.EndCancelled, 1, forge.StatusError, "cancelled"}
	neverBegan   = ending{run.VerdictUnverified, run.EndCancelled, 0, forge.StatusError, "cancelled"}
	superseded   = ending{run.VerdictUnverified, run.EndSuperseded, 0, forge.StatusError, "superseded"}
	unverified   = ending{run.VerdictUnverified, run.EndLost, 2, forge.StatusError, "unverified"}
)

// crashes are the bridge's: at each kind of event right after it was journalled,
// and between a deed on the forge and the note that it was done.
var crashes = []crash{
	{point: "journal:requested"},
	{point: "journal:dispatching", wants: []ending{passesAgain}}, // never a second dispatch of the same attempt
	{point: "journal:dispatched"},
	{point: "journal:started"},
	{point: "journal:planned"},
	{point: "journal:stage-started"},
	{point: "journal:progress"},
	{point: "journal:finding", before: (*crashed).pushUntidy},
	{point: "journal:warning", before: (*crashed).pushUntidy},
	{point: "journal:stage-ended"},
	{point: "journal:torn-down"},
	{point: "journal:finished"},
	{point: "journal:swept"},
	{point: "journal:ended"},
	{point: "journal:joined", plot: (*crashed).askAgain},
	{point: "journal:stale", plot: (*crashed).pushMeanwhile},
	{point: "journal:superseded", flags: []string{"--capacity", "1"}, plot: (*crashed).supersede, wants: []ending{passes, superseded, passes}},
	{point: "journal:cancel-asked", flags: []string{"--capacity", "1"}, plot: (*crashed).closeMeanwhile, wants: []ending{passes, neverBegan}},
	{point: "journal:interrupted", plot: (*crashed).cancel, wants: []ending{isCancelled}},
	{point: "journal:lost", plot: (*crashed).killHarness, wants: []ending{passesAgain}},
	{point: "journal:dispatching#2", plot: (*crashed).killHarness, wants: []ending{unverified}}, // both attempts were our failure
	{point: "bridge:after-react", wants: []ending{passesInTime}},
	{point: "bridge:after-status", wants: []ending{passesInTime}}, // pending
	{point: "bridge:after-status#2"}, // the last word
	{point: "bridge:after-post", wants: []ending{passesInTime}},
}

// harnessPoints are in the harness: at its start, within each stage, in its teardown.
var harnessPoints = []string{
	"harness:started", "harness:policy", "harness:lint", "harness:upgrade", "harness:restart", "harness:backup",
	"harness:install", "harness:restore", "harness:checks", "harness:teardown",
}

// TestCrash kills the bridge and the harness wherever it could hurt, starts again
// what an operator would start again, and wants what is left to be what would be
// left without: one run, one comment, one final status, and nothing on the machine.
func TestCrash(t *testing.T) {
	server := forgetest.NewServer(t)
	program := binary(t, "failpoints")
	before, err := lookAround()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nothingRuns(t, filepath.Dir(program), before) })
	turns := make(chan struct{}, crashesAtOnce)
	tell := func(t *testing.T, c crash, killed func(*crashed) error) {
		dir, told := t.TempDir(), make(chan error, 1)
		// Begun before the test is parallel, so that our own limit counts, not -parallel:
		// these stories wait more than they work.
		go func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			told <- tellCrash(server, program, dir, before, c, killed)
		}()
		t.Parallel()
		if err := <-told; err != nil {
			t.Error(err)
		}
	}
	for _, c := range crashes {
		t.Run(c.point, func(t *testing.T) { tell(t, c, (*crashed).bridgeDies) })
	}
	for _, point := range harnessPoints {
		t.Run(point, func(t *testing.T) { tell(t, crash{point: point, wants: []ending{passesAgain}}, (*crashed).harnessDies) })
	}
	t.Run("both at once", func(t *testing.T) {
		tell(t, crash{point: "harness:restore", wants: []ending{passesAgain}}, (*crashed).bothDie)
	})
}

// TestEveryKindOfEventHasItsCrash holds the table above against the vocabulary.
func TestEveryKindOfEventHasItsCrash(t *testing.T) {
	source, err := os.ReadFile("harness/run/event.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`(?m)^\tKind\w+\s+Kind = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 20 {
		t.Fatalf("only %d kinds were found", len(kinds))
	}
	for _, kind := range kinds {
		if kind[1] == string(run.KindForgotten) {
			continue // no bridge writes it: seatrial forget does, in one transaction with what it takes out
		}
		if !slices.ContainsFunc(crashes, func(c crash) bool { return c.point == "journal:"+kind[1] }) {
			t.Errorf("nobody dies after an event of the kind %s", kind[1])
		}
	}
}

// crashed is a story in which somebody is killed.
type crashed struct {
	*stage
	crash
	once string       // is there when it has happened
	done func() error // when everything is settled and found in order; may be nil
}

func tellCrash(world forgetest.World, program, dir string, before machine, c crash, killed func(*crashed) error) (err error) {
	began := time.Now()
	st, err := newStageOf(cmp.Or(c.recipe, "guestbook"), world, dir, program)
	if err != nil {
		return err
	}
	s := &crashed{stage: st, crash: c, once: filepath.Join(dir, ".once")}
	defer func() {
		if s.bridge != nil {
			s.bridge.stop()
		}
		if err != nil {
			err = fmt.Errorf("%w\nafter %s; the runs: %s\n%s", err, time.Since(began).Round(time.Second), s.history(), s.lastWords())
		}
	}()
	if len(s.wants) == 0 {
		s.wants = []ending{passes}
	}
	if err := s.lead(); err != nil {
		return err
	}
	if err := killed(s); err != nil {
		return err
	}
	if err := s.settled(); err != nil {
		return err
	}
	if s.done != nil {
		if err := s.done(); err != nil {
			return err
		}
	}
	if err := s.check(); err != nil {
		return err
	}
	s.bridge.stop()
	return s.nothingLeft(before)
}
