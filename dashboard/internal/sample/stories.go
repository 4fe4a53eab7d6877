package sample

import (
	"fmt"
	"strings"
	"time"

	"seatrial/harness/run"
)

// story collects the events of one run and numbers them.
type story struct {
	id     run.ID
	now    time.Time
	seq    map[string]int64
	events []run.Event
}

func begin(id run.ID, recipe string, pull int, change func(*run.Request)) *story {
	commit := fmt.Sprintf("%x", strings.Repeat(recipe+"x", 20))[:40]
	request := run.Request{
		ID: id, Recipe: recipe,
		Code: run.Code{
			Forge: "gitea", Repo: "recipes/" + recipe, URL: "https://git.example.org/recipes/" + recipe + ".git", Pull: pull,
			Ref: fmt.Sprintf("refs/pull/%d/head", pull), Commit: commit, Base: "main", Link: fmt.Sprintf("https://git.example.org/recipes/%s/pulls/%d", recipe, pull),
		},
		AskedBy: run.Person{Login: "ada", ID: 7}, Limit: run.DefaultLimit, Silence: run.DefaultSilence,
	}
	s := &story{id: id, seq: map[string]int64{}, now: Now.Add(-time.Duration(100-len(recipe)) * time.Minute)}
	request.AskedAt = s.now
	if change != nil {
		change(&request)
	}
	s.bridge(0, run.KindRequested, "", request)
	return s
}

func (s *story) add(e run.Event, data any) {
	key := fmt.Sprint(e.Attempt, e.Source)
	s.seq[key]++
	s.now = s.now.Add(time.Second)
	e.Run, e.Seq, e.At = s.id, s.seq[key], s.now
	if data != nil {
		e = e.With(data)
	}
	s.events = append(s.events, e)
}

func (s *story) bridge(attempt int, kind run.Kind, note string, data any) *story {
	s.add(run.Event{Attempt: attempt, Source: run.Bridge, Kind: kind, Note: note}, data)
	return s
}

func (s *story) harness(kind run.Kind, note string, data any) *story {
	s.add(run.Event{Attempt: 1, Source: run.Harness, Kind: kind, Note: note}, data)
	return s
}

func (s *story) start(tree, subject string, stages ...run.Stage) *story {
	return s.startAt(run.Started{}, tree, subject, stages...)
}

// startAt starts it in a place on a cluster.
func (s *story) startAt(place run.Started, tree, subject string, stages ...run.Stage) *story {
	s.bridge(1, run.KindDispatching, "", run.Lease{Slot: 1, Expires: s.now.Add(65 * time.Minute)})
	s.bridge(1, run.KindDispatched, "", nil)
	place.Label, place.BaseURL, place.Gateway = "app-1a2b3c", "http://app-1a2b3c.localhost:8080", "127.0.0.1:8080"
	s.harness(run.KindStarted, "", place)
	return s.harness(run.KindPlanned, "", run.Plan{Stages: stages, Tree: tree, Subject: subject, Previous: "1.4.0"})
}

func (s *story) answer(stage run.Stage, outcome run.Outcome, took time.Duration, note string, data any) *story {
	s.add(run.Event{Attempt: 1, Source: run.Harness, Kind: run.KindStageStarted, Stage: stage}, nil)
	s.now = s.now.Add(took)
	s.add(run.Event{Attempt: 1, Source: run.Harness, Kind: run.KindStageEnded, Stage: stage, Outcome: outcome, Took: took, Note: note}, data)
	return s
}

func (s *story) pass(stages ...run.Stage) *story {
	for i, stage := range stages {
		s.answer(stage, run.Passed, time.Duration(i*i)*1700*time.Millisecond+40*time.Millisecond, "", nil)
	}
	return s
}

func (s *story) end(leftovers ...run.Leftover) []run.Event {
	s.harness(run.KindTornDown, "", run.Swept{Removed: 4, Leftovers: leftovers})
	s.harness(run.KindFinished, "", run.Measured{Memory: 41 << 20, Images: 214 << 20, Volumes: 46 << 20, Backup: 9 << 10})
	s.bridge(1, run.KindSwept, "", run.Swept{Leftovers: leftovers})
	return s.bridge(1, run.KindEnded, "", nil).events
}

func stories() [][]run.Event {
	all := run.Stages()
	lost := &run.Fault{
		Summary:  "3 rows of entries are gone after the upgrade: id 4, 5, 6",
		Evidence: []string{"before: 6 rows in entries", "after:  3 rows in entries", "web | ERROR no such table: entries_old", "web | INFO  migration 2 applied"},
		Hint:     "Look at the migration that rebuilds the table: it copies only rows whose author is set.",
	}
	dead := &run.Fault{Summary: "web ended with code 1 after 0.3 s", Evidence: []string{"web | panic: " + Evil}}

	passed := begin(Passed, "guestbook", 12, nil).start("main-1", "Keep the newest entries on top", all...)
	passed.harness(run.KindWarning, "The backup does not cover cache/, as the enrolment says.", nil)

	failed := begin(Failed, "hedgedoc", 7, nil).start("pr-7", "Rebuild the entries table", all...).pass(run.StagePolicy)
	failed.harness(run.KindFinding, "", run.Finding{ID: "no-health-path", Severity: run.SeverityWarning, File: "recipe.yaml", Line: 3, Text: "The health path is /, which most servers answer while they are still starting."})
	failed.pass(run.StageLint).answer(run.StageUpgrade, run.Failed, 29400*time.Millisecond, lost.Summary, lost).
		answer(run.StageRestart, run.Passed, 4200*time.Millisecond, "", nil).answer(run.StageBackup, run.Passed, 2*time.Second, "", nil).
		answer(run.StageInstall, run.Passed, 17*time.Second, "", nil).answer(run.StageRestore, run.Passed, 9*time.Second, "", nil).
		answer(run.StageChecks, run.Blocked, 0, "the upgrade failed", nil)
	failed.bridge(1, run.KindJoined, "grace", nil).bridge(1, run.KindStale, "", run.Push{Commit: strings.Repeat("f", 40)})

	unverified := begin(Unverified, "pocketbase", 3, nil).start("pr-3", "Bump to 0.30", all...).pass(run.StagePolicy, run.StageLint)
	unverified.harness(run.KindInterrupted, string(run.EndOutOfTime), "60 min are over while upgrade was being asked")

	running := begin(Running, "vaultwarden", 21, nil).start("pr-21", "Move to PostgreSQL 17", all...).pass(run.StagePolicy, run.StageLint)
	running.add(run.Event{Attempt: 1, Source: run.Harness, Kind: run.KindStageStarted, Stage: run.StageUpgrade}, nil)
	running.harness(run.KindProgress, "waiting until the app is healthy: 503 so far", nil)

	hostile := begin(Hostile, "uptime-kuma", 1, func(r *run.Request) {
		r.AskedBy.Login, r.Code.Base, r.Code.Link = Evil, Evil, "javascript:alert(1)"
		r.Code.URL = "https://git.example.org/$(touch x)\u202e.git"
	}).start("pr-1", Evil, all...).pass(run.StagePolicy)
	hostile.harness(run.KindWarning, Evil, nil).harness(run.KindFinding, "", run.Finding{ID: Evil, Severity: "error", File: Evil, Line: 1, Text: Evil})
	hostile.answer(run.StageLint, run.Failed, time.Second, Evil, &run.Fault{Summary: Evil, Evidence: []string{Evil}, Hint: Evil})
	hostile.answer(run.StageInstall, run.Failed, time.Second, dead.Summary, dead).bridge(1, run.KindJoined, Evil, nil)

	dirty := begin(Dirty, "wiki", 9, nil).start("pr-9", "Change the port", all...)
	return [][]run.Event{
		passed.pass(all...).end(),
		failed.end(),
		unverified.end(),
		running.events,
		begin(Waiting, "nextcloud", 44, nil).events,
		begin(Cancelled, "guestbook", 13, nil).bridge(0, run.KindCancelAsked, "an operator: wrong branch", nil).bridge(0, run.KindEnded, string(run.EndCancelled), nil).events,
		hostile.end(run.Leftover{Kind: "folder", Name: Evil, Detail: Evil}),
		begin(Superseded, "nextcloud", 43, nil).bridge(0, run.KindSuperseded, "", run.Superseded{By: Waiting}).bridge(0, run.KindEnded, string(run.EndSuperseded), nil).events,
		dirty.pass(all...).end(run.Leftover{Kind: "process", Name: "4711", Detail: "ignores every signal"}),
	}
}
