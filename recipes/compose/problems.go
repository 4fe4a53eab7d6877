package compose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"seatrial/recipes"
)

// Problems are what is wrong with a recipe. Their files are relative to its folder.
type Problems []recipes.Problem

// Error is all of them, each with its place and its line.
func (p Problems) Error() string {
	said := make([]string, len(p))
	for i, problem := range p {
		said[i] = problem.String()
	}
	return strings.Join(said, "\n")
}

// mostProblems are kept: a person repairs the first ones, and many of the others
// follow from them.
const mostProblems = 50

// say notes a problem. A line of 0 is the file as a whole.
func (r *reader) say(file string, line, column int, format string, args ...any) {
	if r.full() {
		return // showing a line costs a walk over its file
	}
	r.note(recipes.ProblemAt(file, r.texts[file], line, max(column, 1), plain(fmt.Sprintf(format, args...))))
}

func (r *reader) sayAt(p Place, format string, args ...any) {
	if r.full() {
		return
	}
	column := 1
	if line, ok := lineOf(r.texts[p.File], p.Line); ok {
		column += len(line) - len(strings.TrimLeft(line, " \t"))
	}
	r.say(p.File, p.Line, column, format, args...)
}

func (r *reader) note(p recipes.Problem) {
	if !r.full() {
		r.problems = append(r.problems, p)
	}
}

// full says that there is no use in looking on.
func (r *reader) full() bool { return len(r.problems) >= mostProblems }

// found are the problems so far as an error, in the order of the files; nil without one.
func (r *reader) found() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b recipes.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(r.problems)
}

// longestMessage is how much of a sentence is kept: part of it is the recipe's text.
const longestMessage = 400

// plain is a message without what could turn a terminal, and of a bounded length.
func plain(message string) string {
	count := 0
	var b strings.Builder
	for _, c := range message {
		if count++; count > longestMessage {
			b.WriteString("…")
			break
		}
		if c != ' ' && !unicode.IsPrint(c) {
			c = '·'
		}
		b.WriteRune(c)
	}
	return b.String()
}

func lineOf(text string, line int) (string, bool) {
	n := 0
	for l := range strings.Lines(text) {
		if n++; n == line {
			return strings.TrimRight(l, "\r\n"), true
		}
	}
	return "", false
}
