package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"seatrial/harness/run"
)

// printable makes a stranger's text harmless on a terminal: control characters,
// escape sequences and direction marks become visible.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// printableLines is printable for a text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// marks say an outcome in one character; the word stands beside it.
var marks = map[run.Outcome]string{run.Passed: "✔", run.Failed: "✘", run.Skipped: "–", run.Blocked: "·", run.Unverified: "?"}

// printSummary prints a report for a person at a terminal.
func printSummary(w io.Writer, r run.Report) {
	fmt.Fprintf(w, "%s: %s at %s\n", strings.ToUpper(verdictWord(r)), printable(r.Request.Recipe), r.Request.Code.ShortCommit())
	fmt.Fprintf(w, "run %s, attempt %d\n", r.Request.ID, r.Attempt)
	if r.Ending != run.EndedNormally {
		fmt.Fprintf(w, "ended: %s %s\n", r.Ending, printable(r.EndingNote))
	}
	fmt.Fprintln(w)
	for _, s := range r.Stages {
		took := ""
		if s.Took > 0 {
			took = s.Took.Round(100 * time.Millisecond).String()
		}
		fmt.Fprintf(w, "  %s %-9s %-10s %7s  %s\n", marks[s.Outcome], s.Stage, s.Outcome, took, printable(s.Note))
		if s.Fault != nil {
			if s.Fault.Summary != s.Note {
				fmt.Fprintf(w, "      %s\n", printable(s.Fault.Summary))
			}
			for _, line := range s.Fault.Evidence {
				fmt.Fprintf(w, "      | %s\n", printable(line))
			}
			if s.Fault.Hint != "" {
				fmt.Fprintf(w, "      %s\n", printable(s.Fault.Hint))
			}
		}
	}
	for _, f := range r.Findings {
		where := ""
		if f.File != "" {
			where = printable(f.File) + ": "
		}
		if f.File != "" && f.Line > 0 {
			where = fmt.Sprintf("%s:%d: ", printable(f.File), f.Line)
		}
		fmt.Fprintf(w, "  %s %s: %s%s\n", f.Severity, f.ID, where, printable(f.Text))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "  note: %s\n", printable(warning))
	}
	fmt.Fprintln(w)
	switch want := r.WouldRaise(); {
	case r.Request.Only != "":
		fmt.Fprintf(w, "Only %s was asked: that makes no level.\n", r.Request.Only)
	case want != "":
		fmt.Fprintf(w, "Level %d of %d. What would raise it: %s.\n", r.Level(), run.MaxLevel, want)
	default:
		fmt.Fprintf(w, "Level %d of %d.\n", r.Level(), run.MaxLevel)
	}
	switch {
	case len(r.Leftovers) > 0:
		fmt.Fprintf(w, "%d left over:\n", len(r.Leftovers))
		for _, l := range r.Leftovers {
			fmt.Fprintf(w, "  %s %s %s\n", l.Kind, printable(l.Name), printable(l.Detail))
		}
	case r.TornDown:
		fmt.Fprintln(w, "Torn down: 0 left over.")
	}
}
