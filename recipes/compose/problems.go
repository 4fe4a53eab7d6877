package compose

import (
	"fmt"
	"strings"

	"seatrial/recipes"
)

// Problems are what is wrong with a recipe, each with its place. They are an error.
type Problems []recipes.Problem

// Error is the problems, one after the other, for people.
func (p Problems) Error() string {
	var all []string
	for _, one := range p {
		all = append(all, one.String())
	}
	return strings.Join(all, "\n")
}

// mostProblems bounds what is told of a recipe full of nonsense.
const mostProblems = 50

// problem adds a problem at a place.
func (r *reader) problem(at Place, format string, args ...any) {
	r.problemAt(at, 1, format, args...)
}

func (r *reader) problemAt(at Place, column int, format string, args ...any) {
	if len(r.problems) >= mostProblems {
		return
	}
	p := recipes.At(at.File, r.texts[at.File], at.Line, column, "%s", visible(fmt.Sprintf(format, args...)))
	for _, known := range r.problems {
		if known.Place() == p.Place() && known.Message == p.Message {
			return
		}
	}
	r.problems = append(r.problems, p)
}

// visible keeps what a recipe wrote from moving a terminal's cursor.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || c >= ' ' && c != 0x7f && !(c >= 0x80 && c < 0xa0) && !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) {
			return c
		}
		return '·'
	}, s)
}
