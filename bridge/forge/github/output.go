package github

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
)

const (
	// mostOutput is how long a check run's summary and text may be. GitHub says characters;
	// bytes are never fewer.
	mostOutput = 65535
	// mostMessage is how long an annotation may be, in bytes, and mostTitle in characters.
	mostMessage = 64 << 10
	mostTitle   = 255
)

// outputOf is what a check run shows. Notes about a line of a file become annotations;
// the others stand in the text.
func outputOf(s forge.Status) (*sdk.CheckRunOutput, []*sdk.CheckRunAnnotation) {
	title := cmp.Or(s.Description, s.Context)
	summary := title
	var text strings.Builder
	var notes []*sdk.CheckRunAnnotation
	if s.Details != nil {
		summary = cmp.Or(s.Details.Summary, summary)
		for _, n := range s.Details.Notes {
			if a := annotation(n); a != nil {
				notes = append(notes, a)
			} else {
				text.WriteString(line(n))
			}
		}
	}
	summary = cutBytes(summary, mostOutput)
	out := &sdk.CheckRunOutput{Title: &title, Summary: &summary, Text: optional(cutBytes(text.String(), mostOutput))}
	return out, notes
}

// annotation is a note at a place in the repository; nil if it is at none.
func annotation(n forge.Note) *sdk.CheckRunAnnotation {
	at := path.Clean(n.Path)
	message := cmp.Or(n.Text, n.Title)
	if n.Path == "" || at == "." || at == ".." || strings.HasPrefix(at, "../") || path.IsAbs(at) || message == "" {
		return nil
	}
	lineNumber, level, message := max(1, n.Line), string(n.Level), cutBytes(message, mostMessage)
	level = cmp.Or(level, string(forge.LevelNotice))
	return &sdk.CheckRunAnnotation{
		Path: &at, StartLine: &lineNumber, EndLine: &lineNumber, AnnotationLevel: &level, Message: &message, Title: optional(cut(n.Title, mostTitle)),
	}
}

// line is a note in Markdown.
func line(n forge.Note) string {
	title := oneLine(n.Title)
	switch {
	case n.Text == "":
		return fmt.Sprintf("- **%s**\n", title)
	case title == "":
		return fmt.Sprintf("- %s\n", oneLine(n.Text))
	}
	return fmt.Sprintf("- **%s**: %s\n", title, oneLine(n.Text))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cutBytes shortens a text to so many bytes, and says so.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const more = "\n\n… (the rest was cut off)"
	s = s[:most-len(more)]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + more
}
