package page

import (
	"fmt"
	"html/template"
	"strings"

	terminal "github.com/buildkite/terminal-to-html/v3"

	"seatrial/internal/lazyregexp"
)

// maxLine is how much of one line a page shows; the raw log has the rest.
const maxLine = 4000

// colour is the one escape sequence that is kept. Every other one could move the
// cursor over what was said before, load a picture or make a link.
var colour = lazyregexp.New("\x1b\\[[0-9;]*m")

// logHTML turns a log's text into HTML: colours become classes, everything else is
// text that can be seen.
func logHTML(text string) template.HTML {
	var clean strings.Builder
	for l := range strings.Lines(text) {
		clean.WriteString(cleanLine(strings.TrimRight(l, "\r\n")))
		clean.WriteByte('\n')
	}
	screen, err := terminal.NewScreen()
	if err != nil {
		return template.HTML(template.HTMLEscapeString(clean.String())) // it never does without options
	}
	if _, err := screen.Write([]byte(clean.String())); err != nil {
		return template.HTML(template.HTMLEscapeString(clean.String()))
	}
	// It escapes what it is given, and it was given nothing but text and colours.
	return template.HTML(strings.TrimRight(screen.AsHTML(), "\n"))
}

// cleanLine makes one line fit to be shown. Of a line that was written over again and
// again, as progress is, the first and the last form stay.
func cleanLine(l string) string {
	if first, rest, ok := strings.Cut(l, "\r"); ok {
		last := rest[strings.LastIndexByte(rest, '\r')+1:]
		l = fmt.Sprintf("%s ⟨written over %d×⟩ %s", first, strings.Count(rest, "\r")+1, last)
	}
	cut := len(l) > maxLine
	if cut {
		l = strings.ToValidUTF8(l[:maxLine], "")
	}
	var b strings.Builder
	rest := l
	for {
		at := colour.FindStringIndex(rest)
		if at == nil {
			break
		}
		b.WriteString(visibleLine(rest[:at[0]]))
		b.WriteString(rest[at[0]:at[1]])
		rest = rest[at[1]:]
	}
	b.WriteString(visibleLine(rest))
	if cut {
		b.WriteString(" … (this line is longer: the raw log has it)")
	}
	return b.String()
}

func visibleLine(s string) string { return visible(strings.ReplaceAll(s, "\t", "    ")) }
