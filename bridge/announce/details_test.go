package announce_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

func TestTheDetailsOfAStatus(t *testing.T) {
	s := tell(t).running()
	s.harness(run.Event{Kind: run.KindFinding}.With(run.Finding{ID: "no-health-path", Severity: run.SeverityWarning, File: "Procfile", Line: 3, Text: "There is hunter2hunter2."}))
	s.answer(run.StageLint, run.Passed, "")
	s.harness(run.Event{Kind: run.KindStageStarted, Stage: run.StageUpgrade})
	s.harness(run.Event{Kind: run.KindStageEnded, Stage: run.StageUpgrade, Outcome: run.Failed}.With(&run.Fault{Summary: "The rows vanished.", Hint: "Look at the migration."}))
	s.answer(run.StageRestart, run.Unverified, "the engine was away")
	r, err := run.Fold(s.events)
	if err != nil {
		t.Fatal(err)
	}
	c := announce.Context{Mask: func(text string) string { return strings.ReplaceAll(text, "hunter2hunter2", "…") }}
	got := announce.DetailsOf(r, c)
	want := []forge.Note{
		{Level: forge.LevelFailure, Title: "upgrade: failed", Text: "The rows vanished.\nLook at the migration."},
		{Level: forge.LevelWarning, Title: "restart: unverified", Text: "the engine was away"},
		{Path: "Procfile", Line: 3, Level: forge.LevelWarning, Title: "no-health-path", Text: "There is …."},
	}
	if diff := cmp.Diff(want, got.Notes); diff != "" {
		t.Error(diff)
	}
	if got.Summary != announce.Render(r, c) {
		t.Error("the summary is not the comment")
	}
}
