package announce_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/announce"
	"seatrial/bridge/command"
	"seatrial/harness/run"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	runID  = run.ID("01k9zq3v8e2m4n6p8r0t2v4x6y")
	newer  = run.ID("01k9zq5v8e2m4n6p8r0t2v4x6z")
	commit = "1111111111111111111111111111111111111111"
	head   = "2222222222222222222222222222222222222222"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var ctx = announce.Context{PublicURL: "https://ci.example.test", Word: "!testme", Enrolment: "../tests/guestbook/recipe.yaml"}

func request() run.Request {
	return run.Request{ID: runID, Recipe: "guestbook", AskedBy: run.Person{Login: "ada"}, AskedAt: noon, Limit: time.Hour,
		Code: run.Code{Forge: "gitea", Repo: "coop/guestbook", URL: "https://forge.example.test/coop/guestbook.git", Pull: 7,
			Ref: "refs/pull/7/head", Commit: commit, Base: "main", Link: "https://forge.example.test/coop/guestbook/pulls/7"}}
}

// story builds reports the way in which they come to be: from events.
type story struct {
	t       *testing.T
	events  []run.Event
	attempt int
	seq     int64
}

func tell(t *testing.T) *story {
	s := &story{t: t}
	return s.bridge(run.Event{Kind: run.KindRequested}.With(request()))
}

// asked makes it a run that was asked for without a comment.
func (s *story) asked(via run.Via, who string) *story {
	r := request()
	r.Via, r.AskedBy = via, run.Person{Login: who}
	s.events[0] = s.events[0].With(r)
	return s
}

func (s *story) add(source run.Source, e run.Event) *story {
	s.seq++
	e.Run, e.Source, e.Seq, e.Attempt = runID, source, s.seq, s.attempt
	if e.At.IsZero() {
		e.At = noon.Add(time.Duration(s.seq) * time.Second)
	}
	s.events = append(s.events, e)
	return s
}

func (s *story) bridge(e run.Event) *story  { return s.add(run.Bridge, e) }
func (s *story) harness(e run.Event) *story { return s.add(run.Harness, e) }

func (s *story) dispatching() *story {
	s.attempt++
	return s.bridge(run.Event{Kind: run.KindDispatching}.With(run.Lease{Slot: 0, Expires: noon.Add(65 * time.Minute)}))
}

func (s *story) running(stages ...run.Stage) *story {
	if len(stages) == 0 {
		stages = run.Stages()
	}
	return s.dispatching().
		harness(run.Event{Kind: run.KindStarted}.With(run.Started{Label: "gues-012345", BaseURL: "http://gues-012345.ci.example.test:8080"})).
		harness(run.Event{Kind: run.KindPlanned}.With(run.Plan{Stages: stages, Commit: commit, Previous: "1.0.0"}))
}

func (s *story) answer(stage run.Stage, outcome run.Outcome, note string) *story {
	s.harness(run.Event{Kind: run.KindStageStarted, Stage: stage})
	return s.harness(run.Event{Kind: run.KindStageEnded, Stage: stage, Outcome: outcome, Took: time.Duration(len(stage)) * 1300 * time.Millisecond, Note: note})
}

func (s *story) fault(stage run.Stage, f run.Fault) *story {
	s.harness(run.Event{Kind: run.KindStageStarted, Stage: stage})
	return s.harness(run.Event{Kind: run.KindStageEnded, Stage: stage, Outcome: run.Failed, Took: 72 * time.Second}.With(f))
}

func (s *story) all(outcome run.Outcome, stages ...run.Stage) *story {
	for _, stage := range stages {
		s.answer(stage, outcome, "")
	}
	return s
}

func (s *story) finished() *story {
	return s.harness(run.Event{Kind: run.KindTornDown}.With(run.Swept{Removed: 3})).harness(run.Event{Kind: run.KindFinished})
}

func (s *story) ended(note run.Ending, left ...run.Leftover) *story {
	if s.attempt > 0 {
		s.bridge(run.Event{Kind: run.KindSwept}.With(run.Swept{Leftovers: left}))
	}
	return s.bridge(run.Event{Kind: run.KindEnded, Note: string(note)})
}

func (s *story) report() run.Report {
	s.t.Helper()
	r, err := run.Fold(s.events)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

var lost = run.Event{Kind: run.KindLost, Note: "killed by signal 9"}

func interrupted(ending run.Ending, note string) run.Event {
	return run.Event{Kind: run.KindInterrupted, Note: string(ending)}.With(note)
}

var goldens = map[string]func(*story) *story{
	"waiting":  func(s *story) *story { return s },
	"starting": func(s *story) *story { return s.dispatching() },
	"fetching": func(s *story) *story {
		return s.dispatching().harness(run.Event{Kind: run.KindStarted}.With(run.Started{}))
	},
	"running": func(s *story) *story {
		return s.running().all(run.Passed, run.StagePolicy, run.StageLint).harness(run.Event{Kind: run.KindStageStarted, Stage: run.StageUpgrade}).harness(run.Event{Kind: run.KindProgress, Note: "waiting until healthy (12s)"})
	},
	"tearing-down": func(s *story) *story { return s.running().all(run.Passed, run.Stages()...).finished() },
	"joined":       func(s *story) *story { return s.running().bridge(run.Event{Kind: run.KindJoined, Note: "grace"}) },
	"stale": func(s *story) *story {
		return s.running().bridge(run.Event{Kind: run.KindStale}.With(run.Push{Commit: head}))
	},

	"pass-level-5": func(s *story) *story { return s.running().all(run.Passed, run.Stages()...).finished().ended("") },
	"pass-level-3-no-checks": func(s *story) *story {
		stages := run.Stages()[:7]
		return s.running(stages...).all(run.Passed, stages...).finished().ended("")
	},
	"pass-first-release": func(s *story) *story {
		return s.running().all(run.Passed, run.StagePolicy, run.StageLint).answer(run.StageUpgrade, run.Skipped, "no published release to upgrade from").
			all(run.Passed, run.Stages()[3:]...).finished().ended("")
	},
	"pass-with-warnings": func(s *story) *story {
		return s.running().harness(run.Event{Kind: run.KindFinding}.With(run.Finding{ID: "no-health-path", Severity: run.SeverityWarning, File: "recipe.yaml", Line: 4, Text: "health.path is left at its default"})).
			harness(run.Event{Kind: run.KindWarning, Note: "not backed up: data/cache"}).all(run.Passed, run.Stages()...).finished().ended("")
	},
	"pass-stale": func(s *story) *story {
		return s.running().all(run.Passed, run.Stages()...).bridge(run.Event{Kind: run.KindStale}.With(run.Push{Commit: head})).finished().ended("")
	},
	"pass-second-attempt": func(s *story) *story {
		return s.running().bridge(lost).running().all(run.Passed, run.Stages()...).finished().ended("")
	},
	"fail-install": func(s *story) *story {
		return s.running().all(run.Passed, run.StagePolicy, run.StageLint, run.StageUpgrade, run.StageRestart, run.StageBackup).
			fault(run.StageInstall, run.Fault{Summary: "web exited with code 1 after 0.3 s", Hint: "Look at the last lines of its log.", Evidence: []string{"starting", "panic: no such table: entries"}}).
			answer(run.StageRestore, run.Blocked, "install failed").answer(run.StageChecks, run.Blocked, "install failed").finished().ended("")
	},
	"fail-upgrade": func(s *story) *story {
		return s.running().all(run.Passed, run.StagePolicy, run.StageLint).
			fault(run.StageUpgrade, run.Fault{Summary: "3 rows of entries are gone: id 4, 5, 6", Evidence: []string{"before: 6 rows", "after: 3 rows"}}).
			all(run.Passed, run.Stages()[3:]...).finished().ended("")
	},
	"fail-and-lost": func(s *story) *story {
		return s.running().fault(run.StagePolicy, run.Fault{Summary: "it asks for a privileged container"}).bridge(lost).ended("")
	},
	"fail-and-leftovers": func(s *story) *story {
		return s.running().fault(run.StageRestart, run.Fault{Summary: "it did not stop within 10 s"}).finished().ended("", run.Leftover{Kind: "process", Name: "guestbook --daemon"})
	},
	"unverified-leftovers": func(s *story) *story {
		return s.running().all(run.Passed, run.Stages()...).finished().ended("", run.Leftover{Kind: "folder", Name: "/var/lib/seatrial/work/x"}, run.Leftover{Kind: "mount", Name: "/mnt"})
	},
	"unverified-lost-twice": func(s *story) *story { return s.running().bridge(lost).running().bridge(lost).ended("") },
	"unverified-out-of-time": func(s *story) *story {
		return s.running().all(run.Passed, run.StagePolicy).harness(interrupted(run.EndOutOfTime, "the limit of 1h0m0s is over")).finished().ended("")
	},
	"unverified-silent": func(s *story) *story {
		return s.running().harness(interrupted(run.EndSilent, "no progress for 20m0s")).finished().ended("")
	},
	"unverified-not-fetched": func(s *story) *story {
		return s.dispatching().harness(run.Event{Kind: run.KindStarted}.With(run.Started{})).harness(interrupted(run.EndNotFetched, "the commit is not there any more")).finished().ended("")
	},
	"unverified-our-fault": func(s *story) *story {
		return s.running().harness(interrupted(run.EndOurFault, "no space left on device")).finished().ended("")
	},
	"unverified-stage": func(s *story) *story {
		return s.running().all(run.Passed, run.StagePolicy, run.StageLint).answer(run.StageUpgrade, run.Unverified, "the published release 1.0.0 does not come up").
			all(run.Passed, run.Stages()[3:]...).finished().ended("")
	},
	"cancelled-waiting": func(s *story) *story {
		return s.bridge(run.Event{Kind: run.KindCancelAsked, Note: "the pull request was closed"}).ended(run.EndCancelled)
	},
	"cancelled-running": func(s *story) *story {
		return s.running().bridge(run.Event{Kind: run.KindCancelAsked, Note: "grace: not needed any more"}).harness(interrupted(run.EndCancelled, "")).finished().ended(run.EndCancelled)
	},
	"asked-api":         func(s *story) *story { return s.asked(run.ViaAPI, "token ci") },
	"asked-hook":        func(s *story) *story { return s.asked(run.ViaHook, "mallory") },
	"asked-schedule":    func(s *story) *story { return s.asked(run.ViaSchedule, "schedule") },
	"asked-merge-group": func(s *story) *story { return s.asked(run.ViaMergeGroup, "merge queue") },
	"superseded": func(s *story) *story {
		return s.bridge(run.Event{Kind: run.KindSuperseded}.With(run.Superseded{By: newer})).ended(run.EndSuperseded)
	},
}

func TestEveryStateOfTheComment(t *testing.T) {
	for name, plot := range goldens {
		t.Run(name, func(t *testing.T) {
			r := plot(tell(t)).report()
			c := ctx
			if r.State == run.Waiting {
				c.Place, c.Of, c.Wait = 2, 3, 11*time.Minute
			}
			body := announce.Render(r, c)
			status := announce.StatusOf(r, c)
			golden(t, name, body+"\n"+"<!-- status: "+string(status.State)+" | "+status.Description+" | "+status.TargetURL+" -->\n")
			wellFormed(t, body, announce.RunMarker(runID))
			if again := announce.Render(plot(tell(t)).report(), c); again != body {
				t.Error("the same report gives another text")
			}
		})
	}
}

// wellFormed holds what is true of everything that we post.
func wellFormed(t *testing.T, body, marker string) {
	t.Helper()
	if n := strings.Count(body, "<!--"); n != 1 || strings.Count(body, marker) != 1 {
		t.Errorf("there are %d hidden lines, want the marker alone:\n%s", n, body)
	}
	for line := range strings.SplitSeq(body, "\n") {
		if _, ok := (command.Grammar{}).Parse(line); ok {
			t.Error("the command stands alone on a line")
		}
	}
	if len(body) > 60_000 {
		t.Errorf("the comment has %d bytes", len(body))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".md")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (run with -update if it should):\n%s", file, d)
	}
}

func TestNoGoldenFileIsForgotten(t *testing.T) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".md")
		if goldens[name] == nil && answers[name] == nil && scheduled[name] == nil && !strings.HasPrefix(name, "hostile-") {
			t.Errorf("%s belongs to no test", f)
		}
	}
	if len(files) < 25 {
		t.Errorf("there are %d golden files", len(files))
	}
}
