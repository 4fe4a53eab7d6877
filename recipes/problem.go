package recipes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is something wrong with an enrolment, said to the person who wrote it.
type Problem struct {
	File    string // as it was asked for
	Line    int    // from 1; 0 where the trouble is with the file as a whole
	Column  int    // from 1, in characters
	Message string
	Source  string // the line itself, and below it a caret; empty where there is no line
	Nearest string // for a misspelt word, the real one that is nearest
}

// Place is file:line:column, as editors and terminals understand it.
func (p Problem) Place() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// String is the place, the message, and the line itself.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Place(), p.Message)
	if p.Nearest != "" {
		fmt.Fprintf(&b, "; did you mean %s?", p.Nearest)
	}
	if p.Source != "" {
		b.WriteString("\n" + p.Source)
	}
	return b.String()
}

// Error makes a problem an error, for those who need one.
func (p Problem) Error() string { return p.String() }

// ProblemAt is a problem with the line of the text that it is about.
func ProblemAt(file, text string, line, column int, message string) Problem {
	return Problem{File: file, Line: line, Column: column, Message: message, Source: excerpt(text, line, column)}
}

// Nearest is the word that was probably meant, or nothing.
func Nearest(word string, known []string) string { return nearest(word, known) }

// Quote quotes what is not a plain word, so that it can stand in a message.
func Quote(word string) string { return quoteOdd(word) }

// widestSource is how much of a line is shown.
const widestSource = 160

// excerpt is a line of the text with a caret under the column. Characters that
// could turn the terminal or the reading direction are shown as a placeholder.
func excerpt(text string, line, column int) string {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	var shown, caret strings.Builder
	number := fmt.Sprintf("%5d | ", line)
	shown.WriteString(number)
	caret.WriteString(strings.Repeat(" ", len(number)))
	at := 0
	for _, r := range strings.TrimSuffix(lines[line-1], "\r") {
		if at++; at > widestSource {
			shown.WriteString("…")
			break
		}
		if r == '\t' || r == ' ' {
			r = ' '
		} else if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = '·'
		}
		shown.WriteRune(r)
		if at < column {
			caret.WriteByte(' ')
		}
	}
	if column > widestSource {
		return shown.String()
	}
	return shown.String() + "\n" + caret.String() + "^"
}

func sortProblems(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(problems)
}
