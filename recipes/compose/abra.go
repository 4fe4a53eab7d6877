package compose

import (
	"cmp"
	"strings"

	"seatrial/internal/lazyregexp"
)

const abraFile = "abra.sh"

// unknown is a variable whose value only running abra.sh would tell.
type unknown struct {
	place Place
	why   string
}

var (
	function = lazyregexp.New(`^(?:function[ \t]+[A-Za-z_][\w:-]*[ \t]*(?:\([ \t]*\))?|[A-Za-z_][\w:-]*[ \t]*\([ \t]*\))[ \t]*(\{.*)?$`)
	assigned = lazyregexp.New(`^([A-Za-z_][A-Za-z0-9_]*)=`)
	heredoc  = lazyregexp.New(`<<-?[ \t]*(?:'([^']+)'|"([^"]+)"|\\?([A-Za-z_]\w*))`)
	blockIn  = lazyregexp.New(`^(?:if|for|while|until|case|select)\b`)
	blockOut = lazyregexp.New(`^(?:fi|done|esac)\b`)
)

// readAbra takes the variables that abra.sh sets at its top level. It is read as data:
// what would have to be run to be known is remembered as unknown.
func (r *reader) readAbra() error {
	if _, err := r.root.Lstat(abraFile); err != nil && r.blame(abraFile, err) == "is not there" {
		return nil
	}
	text, ok, err := r.text(abraFile, Place{}, "the file")
	if !ok {
		return err
	}
	body, end, depth, n := false, "", 0, 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case end != "":
			if trimmed == end {
				end = ""
			}
			continue
		case body:
			body = !strings.HasPrefix(line, "}")
			continue
		case trimmed == "" || trimmed[0] == '#':
			continue
		}
		if m := function.FindStringSubmatch(trimmed); m != nil {
			body = !strings.HasSuffix(m[1], "}")
			continue
		}
		if m := heredoc.FindStringSubmatch(trimmed); m != nil {
			end = m[1] + m[2] + m[3]
		}
		if blockIn.MatchString(trimmed) {
			depth++
		}
		r.assignments(trimmed, Place{File: abraFile, Line: n}, depth > 0)
		if depth > 0 && (blockOut.MatchString(trimmed) || endsBlock(trimmed)) {
			depth--
		}
		if r.envSize > largestEnv {
			r.say(abraFile, n, 1, "the variables become too large: %d KiB together at most", largestEnv>>10)
			return nil
		}
	}
	return nil
}

// endsBlock finds the end of a block that is written on one line.
func endsBlock(line string) bool {
	for _, word := range []string{"; fi", "; done", "; esac", ";; esac"} {
		if strings.HasSuffix(line, word) {
			return true
		}
	}
	return false
}

// assignments takes a line like export A=1 B="$A-x"; export C=2.
func (r *reader) assignments(line string, at Place, conditional bool) {
	for line != "" {
		var pairs []pair
		pairs, line = r.assignment(line, at)
		for _, p := range pairs {
			if conditional {
				p.why = "only under a condition"
			}
			if p.why != "" {
				r.unknown[p.name] = unknown{at, p.why}
				continue
			}
			delete(r.unknown, p.name)
			r.setAbra(p.name, p.value, at)
		}
	}
}

type pair struct{ name, value, why string }

// assignment takes the variables of the first command of a line, and returns what stands
// behind it. What is set for one command alone is none.
func (r *reader) assignment(line string, at Place) (pairs []pair, rest string) {
	line = strings.TrimLeft(line, " \t;")
	for _, word := range []string{"if ", "then ", "else ", "do ", "export ", "declare -x ", "declare ", "readonly ", "typeset "} {
		line = strings.TrimLeft(strings.TrimPrefix(line, word), " \t")
	}
	for {
		m := assigned.FindStringSubmatch(line)
		if m == nil {
			break
		}
		w := word{reader: r, rest: line[len(m[0]):], at: at}
		value := w.read()
		pairs = append(pairs, pair{m[1], value, w.why})
		line = strings.TrimLeft(w.rest, " \t")
	}
	switch {
	case line == "" || line[0] == '#':
		return pairs, ""
	case line[0] == ';':
		return pairs, line[1:]
	}
	// A command: what follows it on the line may be any shell.
	if _, rest, more := strings.Cut(line, "; "); more {
		return nil, rest
	}
	return nil, ""
}

func (r *reader) setAbra(name, value string, at Place) {
	_, fixed := r.options.Env[name]
	if name == "STACK_NAME" || name == "DOMAIN" {
		fixed = true
	}
	d := r.lines[name]
	d.place = at
	r.set(name, value, d, map[string]bool{name: fixed})
}

// word reads one word of a shell as far as data goes; why says what stopped it.
type word struct {
	*reader
	rest string
	at   Place
	why  string
}

func (w *word) read() string {
	var b strings.Builder
	for w.rest != "" && b.Len() <= longestValue {
		switch c := w.rest[0]; c {
		case ' ', '\t', ';':
			return b.String()
		case '&', '|', '<', '>', '(', ')':
			w.stop("by more than a value")
		case '`':
			w.stop("by running a command")
		case '\'':
			inside, rest, ok := strings.Cut(w.rest[1:], "'")
			if !ok {
				w.stop("over several lines")
				break
			}
			b.WriteString(inside)
			w.rest = rest
		case '"':
			w.rest = w.rest[1:]
			w.double(&b)
		case '\\':
			if len(w.rest) == 1 {
				w.stop("over several lines")
				break
			}
			b.WriteByte(w.rest[1])
			w.rest = w.rest[2:]
		case '$':
			w.dollar(&b)
		default:
			b.WriteByte(c)
			w.rest = w.rest[1:]
		}
	}
	return b.String()
}

// double reads to the closing double quote.
func (w *word) double(b *strings.Builder) {
	for w.rest != "" && b.Len() <= longestValue {
		switch c := w.rest[0]; {
		case c == '"':
			w.rest = w.rest[1:]
			return
		case c == '`':
			w.stop("by running a command")
			return
		case c == '\\' && len(w.rest) > 1 && strings.IndexByte("\\\"$`", w.rest[1]) >= 0:
			b.WriteByte(w.rest[1])
			w.rest = w.rest[2:]
		case c == '$':
			w.dollar(b)
		default:
			b.WriteByte(c)
			w.rest = w.rest[1:]
		}
	}
	w.stop("over several lines")
}

var shellVariable = lazyregexp.New(`^\$(?:\{([A-Za-z_]\w*)(?::?-([^}$` + "`" + `"'\\]*))?\}|([A-Za-z_]\w*))`)

func (w *word) dollar(b *strings.Builder) {
	m := shellVariable.FindStringSubmatch(w.rest)
	switch {
	case m == nil && strings.HasPrefix(w.rest, "$("):
		w.stop("by running a command")
	case m == nil:
		w.stop("in a way that only a shell knows")
	default:
		value := cmp.Or(w.env[m[1]+m[3]], m[2])
		b.WriteString(value)
		w.rest = w.rest[len(m[0]):]
	}
}

func (w *word) stop(why string) { w.rest, w.why = "", why }
