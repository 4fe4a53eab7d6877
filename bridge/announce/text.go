package announce

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seatrial/internal/hidden"

	"seatrial/internal/lazyregexp"
)

// Names, branches, notes and log lines are written by strangers. Three ways lead
// into the comment: prose (escaped so that it is nothing but words), code (a span
// that Markdown leaves alone) and fence (a block longer than anything in it).
// None of them can break out, mention anybody, or hide a character.

// colourCodes are the sequences with which programs paint terminals.
var colourCodes = lazyregexp.New("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)")

// visible shows every character that a reader could not see or that would
// reorder the others. Line breaks are shown as well.
func visible(s string) string {
	var b strings.Builder
	for _, r := range colourCodes.ReplaceAllString(s, "") {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r < 0x20:
			b.WriteRune(0x2400 + r) // ␀ and its neighbours
		case r == 0x7f:
			b.WriteRune('␡')
		case r == utf8.RuneError:
			b.WriteRune('�')
		case hidden.Is(r):
			b.WriteString(hidden.Mark(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// cut shortens text to so many characters.
func cut(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// head drops what is certainly behind the limit, so that a stranger's megabytes
// cost nothing.
func head(s string, limit int) string {
	const roomForColours = 1000
	return s[:min(len(s), limit*utf8.UTFMax+roomForColours)]
}

// prose escapes text so that it stands in a sentence or a table's cell as the words
// that it is. Entities never form Markdown, and a zero-width space behind @ keeps
// forges from finding a name to notify.
func prose(s string, limit int) string {
	s = strings.TrimSpace(cut(visible(head(s, limit)), limit))
	var b strings.Builder
	previous := ' '
	runes := []rune(s)
	for i, r := range runes {
		next := ' '
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		switch {
		case r == '@':
			b.WriteString("&#64;&#8203;")
		case r == '.' && endsWithWWW(runes[:i]), (r == '.' || r == ')') && isNumber(runes[:i]):
			fmt.Fprintf(&b, "&#%d;", r) // neither a list's number nor an address to link
		case strings.ContainsRune(".,;!?'\"%/ ()", r):
			b.WriteRune(r)
		case r == '-' && i > 0 && previous != ' ' && previous != '-':
			b.WriteRune(r)
		case r == ':' && next == ' ':
			b.WriteRune(r)
		case r < 0x80 && (unicode.IsPunct(r) || unicode.IsSymbol(r)):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
		previous = r
	}
	return b.String()
}

func isNumber(runes []rune) bool {
	return len(runes) > 0 && !slices.ContainsFunc(runes, func(r rune) bool { return !unicode.IsDigit(r) })
}

func endsWithWWW(runes []rune) bool {
	return len(runes) >= 3 && strings.EqualFold(string(runes[len(runes)-3:]), "www")
}

// code writes text as a code span, which also holds in a table's cell.
func code(s string, limit int) string {
	s = strings.ReplaceAll(cut(visible(head(s, limit)), limit), "|", "¦")
	if strings.TrimSpace(s) == "" {
		return "` `"
	}
	ticks := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") {
		pad = " "
	}
	return ticks + pad + s + pad + ticks
}

// fence writes lines as a block that none of them can close.
func fence(language string, lines []string) string {
	longest := 2
	for _, line := range lines {
		longest = max(longest, longestRun(line, '`'))
	}
	bar := strings.Repeat("`", longest+1)
	return bar + language + "\n" + strings.Join(lines, "\n") + "\n" + bar + "\n"
}

// lastLines is the end of a text, made visible, in lines that are not too long.
func lastLines(text []string, lines, bytes int) []string {
	const width = 400
	var all []string
	for _, t := range text {
		t = t[max(0, len(t)-2*bytes):]
		for line := range strings.SplitSeq(strings.TrimRight(t, "\r\n"), "\n") {
			all = append(all, cut(visible(strings.TrimRight(line, "\r")), width))
		}
	}
	from, size := len(all), 0
	for from > 0 && len(all)-from < lines && size+len(all[from-1]) < bytes {
		from--
		size += len(all[from]) + 1
	}
	return all[from:]
}

func longestRun(s string, of rune) int {
	longest, n := 0, 0
	for _, r := range s {
		if r != of {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

// details folds a block away under a title of ours.
func details(title, block string) string {
	return "<details><summary>" + title + "</summary>\n\n" + strings.TrimRight(block, "\n") + "\n\n</details>\n"
}
