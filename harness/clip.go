package harness

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"seatrial/harness/run"
)

// Bounds of what an event carries. Evidence is for reading; the log has the rest.
const (
	longestNote   = 4000
	longestLine   = 600
	mostEvidence  = 60
	longestAnswer = 2000
)

// clip shortens what the recipe could make arbitrarily long.
func clip(e run.Event) run.Event {
	e.Note = shorten(e.Note, longestNote)
	if e.Kind != run.KindStageEnded || len(e.Data) == 0 {
		return e
	}
	var f run.Fault
	if json.Unmarshal(e.Data, &f) != nil {
		return e
	}
	f.Summary = shorten(f.Summary, longestAnswer)
	if len(f.Evidence) > mostEvidence {
		// The beginning says what it is, the end what happened last.
		const head = 20
		cut := append([]string{}, f.Evidence[:head]...)
		cut = append(cut, "...")
		f.Evidence = append(cut, f.Evidence[len(f.Evidence)-(mostEvidence-head-1):]...)
	}
	lines := make([]string, len(f.Evidence))
	for i, line := range f.Evidence {
		lines[i] = shorten(line, longestAnswer)
	}
	f.Evidence = lines
	return e.With(f)
}

// shorten cuts a text at a whole character.
func shorten(s string, most int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + " ..."
}
