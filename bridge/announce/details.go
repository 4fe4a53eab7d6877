package announce

import (
	"strings"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// DetailsOf is what a status says at length, on forges that show it: the comment, and a
// note for each finding and each stage that did not pass.
func DetailsOf(r run.Report, c Context) *forge.Details {
	d := &forge.Details{Summary: Render(r, c)}
	for _, s := range r.Stages {
		if note, ok := noteOf(s); ok {
			d.Notes = append(d.Notes, c.maskNote(note))
		}
	}
	for _, f := range r.Findings {
		d.Notes = append(d.Notes, c.maskNote(forge.Note{Path: f.File, Line: f.Line, Level: noteLevels[f.Severity], Title: f.ID, Text: f.Text}))
	}
	return d
}

var noteLevels = map[run.Severity]forge.NoteLevel{
	run.SeverityError: forge.LevelFailure, run.SeverityWarning: forge.LevelWarning, run.SeverityNote: forge.LevelNotice,
}

// noteOf is what there is to say about a stage; ok is false where it passed, or is still to come.
func noteOf(s run.StageReport) (note forge.Note, ok bool) {
	note = forge.Note{Title: string(s.Stage) + ": " + string(s.Outcome), Text: s.Note}
	switch s.Outcome {
	case run.Failed:
		note.Level = forge.LevelFailure
	case run.Unverified, run.Blocked:
		note.Level = forge.LevelWarning
	default:
		return forge.Note{}, false
	}
	if s.Fault != nil {
		note.Text = strings.TrimSpace(s.Fault.Summary + "\n" + s.Fault.Hint)
	}
	return note, true
}

func (c Context) maskNote(n forge.Note) forge.Note {
	n.Title, n.Text = visible(c.mask(n.Title)), c.mask(n.Text)
	return n
}
