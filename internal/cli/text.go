package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"seatrial/harness/run"
	"seatrial/internal/hidden"
	"seatrial/internal/lazyregexp"
)

// printable makes a stranger's text harmless on a terminal: control characters,
// escape sequences, direction marks and characters without a shape become visible.
func printable(s string) string { return hidden.Blot(s) }

// printableLines is printable for a text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// colours are the sequences with which programs paint terminals.
var colours = lazyregexp.New("\x1b\\[[0-9;]*m")

// printableWriter passes lines on that are printable, and without colours. Each write
// is of whole lines: that is how logs are written.
type printableWriter struct{ w io.Writer }

func (p printableWriter) Write(text []byte) (int, error) {
	_, err := io.WriteString(p.w, printableLines(colours.ReplaceAllString(string(text), "")))
	return len(text), err
}

// jsonWriter passes JSON on in which what steers a terminal is escaped. It means the
// same: such characters stand in strings only, and the encoder escapes the others.
type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(text []byte) (int, error) {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x7f || !hidden.Is(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(j.w, b.String())
	return len(text), err
}

// copyPrintable copies a log for a person.
func copyPrintable(w io.Writer, r io.Reader) error {
	const longest = 1 << 20
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		if _, err := fmt.Fprintf(printableWriter{w}, "%s\n", lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// marks say an outcome in one character; the word stands beside it.
var marks = map[run.Outcome]string{run.Passed: "✔", run.Failed: "✘", run.Skipped: "–", run.Blocked: "·", run.Unverified: "?"}

// because joins what happened and why, where that is known.
func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + printable(why)
}

// findingLine is a finding with its place.
func findingLine(f run.Finding) string {
	where := ""
	if f.File != "" {
		where = printable(f.File) + ": "
	}
	if f.File != "" && f.Line > 0 {
		where = fmt.Sprintf("%s:%d: ", printable(f.File), f.Line)
	}
	return fmt.Sprintf("%s %s: %s%s", f.Severity, f.ID, where, printable(f.Text))
}

// listed joins stages for a sentence.
func listed(stages []run.Stage, last string) string {
	words := make([]string, len(stages))
	for i, s := range stages {
		words[i] = string(s)
	}
	if n := len(words); n > 1 && last != "" {
		return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
	}
	return strings.Join(words, ", ")
}

// printSummary prints a report for a person at a terminal.
func printSummary(w io.Writer, r run.Report) {
	fmt.Fprintf(w, "%s: %s at %s\n", strings.ToUpper(r.Word()), printable(r.Request.Recipe), printable(r.Request.Code.ShortCommit()))
	fmt.Fprintf(w, "run %s, attempt %d\n", r.Request.ID, r.Attempt)
	if r.Ending != run.EndedNormally {
		fmt.Fprintf(w, "ended: %s\n", because(string(r.Ending), r.EndingNote))
	}
	fmt.Fprintln(w)
	for _, s := range r.Stages {
		took := ""
		if s.Took > 0 {
			took = s.Took.Round(100 * time.Millisecond).String()
		}
		if s.Outcome == "" {
			fmt.Fprintf(w, "    %-9s not asked\n", s.Stage)
			continue
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
		fmt.Fprintf(w, "  %s\n", findingLine(f))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "  note: %s\n", printable(warning))
	}
	fmt.Fprintln(w)
	switch want := r.WouldRaise(); {
	case !slices.ContainsFunc(r.Stages, func(s run.StageReport) bool { return s.Outcome == run.Passed || s.Outcome == run.Failed }):
		fmt.Fprintln(w, "Nothing was asked: that makes no level.")
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
		fmt.Fprintf(w, "Torn down: %d made, 0 left over.\n", r.Removed)
	}
}
