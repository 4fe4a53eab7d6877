package nomad

import (
	"regexp"
	"strings"

	"seatrial/internal/lazyregexp"
)

// variable is a variable that a job file declares.
type variable struct {
	name       string
	line       int
	hasDefault bool
}

var (
	variableBlock = lazyregexp.New(`(?m)^[ \t]*variable[ \t]+"?([A-Za-z_][A-Za-z0-9_-]*)"?[ \t]*\{`)
	defaultLine   = lazyregexp.New(`(?m)(^|[\n{;])[ \t]*default[ \t]*=`)
)

// declared looks for variable blocks. It is tolerant: what it overlooks, the server
// complains about.
func declared(text string) []variable {
	plain := blank(text)
	var found []variable
	for _, m := range variableBlock.FindAllStringSubmatchIndex(text, -1) {
		if plain[m[1]-1] != '{' {
			continue // in a comment or a string
		}
		end := closing(plain, m[1])
		found = append(found, variable{
			name:       text[m[2]:m[3]],
			line:       1 + strings.Count(text[:m[2]], "\n"),
			hasDefault: defaultLine.MatchString(plain[m[1]:end]),
		})
	}
	return found
}

// closing is where the block ends whose content begins at from.
func closing(plain string, from int) int {
	depth := 1
	for i := from; i < len(plain); i++ {
		switch plain[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(plain)
}

var heredocForm = lazyregexp.New(`^<<-?([A-Za-z_][A-Za-z0-9_]*)[ \t\r]*\n`)

// blank replaces strings, comments and heredocs by spaces, so that the rest can be
// searched. Lines stay where they are.
func blank(text string) string {
	out := []byte(text)
	wipe := func(from, to int) {
		for i := from; i < to && i < len(out); i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(text); {
		end := i + 1
		rest := text[i:]
		switch {
		case rest[0] == '"':
			for end < len(text) && text[end] != '"' && text[end] != '\n' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			wipe(i, end)
		case rest[0] == '#', strings.HasPrefix(rest, "//"):
			end = i + until(rest, "\n")
			wipe(i, end)
		case strings.HasPrefix(rest, "/*"):
			end = i + until(rest, "*/")
			wipe(i, end)
		default:
			if m := heredocForm.FindStringSubmatch(rest); m != nil {
				mark := regexp.MustCompile(`(?m)^[ \t]*` + m[1] + `[ \t\r]*$`)
				end = len(text)
				if at := mark.FindStringIndex(rest[len(m[0]):]); at != nil {
					end = i + len(m[0]) + at[1]
				}
				wipe(i, end)
			}
		}
		i = end
	}
	return string(out)
}

// until is how long a text is up to and with what ends it.
func until(text, ending string) int {
	if i := strings.Index(text, ending); i >= 0 {
		return i + len(ending)
	}
	return len(text)
}
