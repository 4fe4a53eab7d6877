// Package hidden tells which characters of strangers' texts nobody can see, and shows
// them: what steers a terminal, turns the reading direction, or has no shape. How a text is
// quoted besides is each medium's own business.
package hidden

import (
	"fmt"
	"strings"
	"unicode"
)

// Is says whether a reader could not see a character, or would be misled by it. Tabs
// and line breaks are hidden, too: who wants them asks before.
func Is(r rune) bool {
	switch r {
	case 0x115f, 0x1160, 0x3164, 0xffa0: // fillers, which count as letters
		return true
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector)
}

// Mark shows a hidden character by its number.
func Mark(r rune) string { return fmt.Sprintf("⟨U+%04X⟩", r) }

// Blot puts a replacement character where one is hidden, and a space for a tab.
func Blot(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case Is(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// Line makes one line of a text, for a sentence: without control characters, and with one
// space between words.
func Line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
