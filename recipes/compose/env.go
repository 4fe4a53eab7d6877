package compose

import (
	"strconv"
	"strings"

	"seatrial/internal/lazyregexp"
)

const envSample = ".env.sample"

// Bounds of what variables become: each line may double the one before.
const (
	longestValue = 64 << 10
	largestEnv   = 1 << 20
)

// declared is a line that sets a variable, and what its comment says for a secret.
type declared struct {
	place   Place
	length  int
	charset string
	manual  bool // # generate=false
}

// overlay is a line that names compose files.
type overlay struct {
	files []string
	place Place
}

var (
	variable    = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	switchedOff = lazyregexp.New(`^#+[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)$`)
	earlierOnes = lazyregexp.New(`\\?\$(?:\{([^}$]{0,200})\}|([A-Z_][A-Z0-9_]*))`)
	modifier    = lazyregexp.New(`(?:^|[#,; \t])(length|charset|generate)=([^#,; \t]+)`)
)

const composeFile = "COMPOSE_FILE"

// readEnv reads .env.sample in its order. What the operator's enrolment sets is set, for
// the lines below as well.
func (r *reader) readEnv() error {
	override := r.options.Env[composeFile]
	builtOn := strings.Contains(override, "$"+composeFile) || strings.Contains(override, "${"+composeFile)
	for name, value := range r.options.Env {
		if name != composeFile || !builtOn {
			r.env[name] = value
		}
	}
	r.env["STACK_NAME"], r.env["DOMAIN"] = r.options.Stack, r.options.Domain
	fixed := make(map[string]bool, len(r.env))
	for name := range r.env {
		fixed[name] = true
	}
	text, ok, err := r.sample()
	if !ok {
		return err
	}
	rest, line := text, 1
	for rest != "" && !r.full() {
		var used string
		used, rest = r.statement(rest, line, fixed)
		line += strings.Count(used, "\n")
		if r.envSize > largestEnv {
			r.say(envSample, line, 1, "the variables become too large: %d KiB together at most", largestEnv>>10)
			return nil
		}
	}
	if builtOn {
		base := r.env[composeFile]
		r.env[composeFile] = strings.NewReplacer("${"+composeFile+"}", base, "$"+composeFile, base).Replace(override)
	}
	return nil
}

// sample is the text of .env.sample; a recipe without variables has none.
func (r *reader) sample() (string, bool, error) {
	if _, err := r.root.Lstat(envSample); err != nil && r.blame(envSample, err) == "is not there" {
		return "", false, nil
	}
	return r.text(envSample, Place{}, "the file")
}

// statement reads a line, or several where a quoted value runs over them, and returns
// what it used and what is left.
func (r *reader) statement(text string, line int, fixed map[string]bool) (used, rest string) {
	first, after, _ := strings.Cut(text, "\n")
	used, rest = text[:len(text)-len(after)], after
	trimmed := strings.TrimSpace(first)
	here := Place{File: envSample, Line: line}
	if trimmed == "" {
		return used, rest
	}
	if trimmed[0] == '#' {
		if m := switchedOff.FindStringSubmatch(trimmed); m != nil {
			r.offered[m[1]] = comment(m[2], declared{place: here})
		}
		return used, rest
	}
	name, value, ok := strings.Cut(trimmed, "=")
	name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "export "))
	if !ok || !variable.MatchString(name) {
		r.sayAt(here, "this line is not NAME=value")
		return used, rest
	}
	d := declared{place: here}
	value = strings.TrimLeft(value, " \t")
	switch {
	case value != "" && (value[0] == '"' || value[0] == '\''):
		// Where the value begins in the text: it may end on another line.
		start := strings.IndexByte(text, '=') + 1
		start += strings.IndexByte(text[start:], value[0])
		quoted, length := unquote(text[start:])
		if length == 0 {
			r.sayAt(here, "the value of %s begins with a quote that is not closed", name)
			return used, rest
		}
		tail, after, _ := strings.Cut(text[start+length:], "\n")
		used, rest = text[:len(text)-len(after)], after
		if tail = strings.TrimSpace(tail); tail != "" && tail[0] != '#' {
			r.sayAt(here, "behind the quoted value of %s stands something else: %s", name, tail)
			return used, rest
		}
		d = comment(tail, d)
		if value = quoted; text[start] == '"' {
			value = r.expand(quoted, here, true)
		}
	default:
		said, tail := cutComment(value)
		d = comment(tail, d)
		value = r.expand(said, here, false)
	}
	r.set(name, value, d, fixed)
	return used, rest
}

func (r *reader) set(name, value string, d declared, fixed map[string]bool) {
	r.lines[name] = d
	if r.envSize += len(value); fixed[name] {
		return
	}
	if len(value) > longestValue {
		r.sayAt(d.place, "the value of %s becomes too long: at most %d KiB", name, longestValue>>10)
		value = ""
	}
	if name == composeFile {
		r.overlay = append(r.overlay, overlay{strings.Split(value, ":"), d.place})
	}
	r.env[name] = value
}

// unquote reads a quoted value at the beginning of a text: what is inside, and how
// much was read, 0 where the quote is not closed. What a backslash does between double
// quotes is left to expand.
func unquote(text string) (inside string, length int) {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote:
			return text[1:i], i + 1
		}
	}
	return "", 0
}

// cutComment parts a value without quotes from the comment behind it.
func cutComment(value string) (said, tail string) {
	for i := range len(value) {
		if value[i] == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			return strings.TrimRight(value[:i], " \t"), value[i:]
		}
	}
	return value, ""
}

// comment reads abra's words about a secret: # length=32 charset=hex generate=false
func comment(text string, d declared) declared {
	_, text, _ = strings.Cut(text, "#")
	for _, m := range modifier.FindAllStringSubmatch(text, -1) {
		switch m[1] {
		case "length":
			if n, err := strconv.Atoi(m[2]); err == nil && n > 0 && n <= longestSecret {
				d.length = n
			}
		case "charset":
			d.charset = m[2]
		case "generate":
			d.manual = m[2] == "false"
		}
	}
	return d
}

// longestSecret is what swarm takes.
const longestSecret = 500 << 10

// expand puts earlier variables into a value; in quotes, a backslash makes the next
// character plain.
func (r *reader) expand(text string, at Place, quoted bool) string {
	var b strings.Builder
	write := func(s string) {
		if i := strings.Index(s, "${"); i >= 0 && !strings.HasSuffix(s[:i], `\`) {
			r.sayAt(at, "${ begins no variable here: only ${NAME} is understood")
		}
		if quoted {
			s = escapes.Replace(s)
		}
		b.WriteString(s)
	}
	done := 0
	for _, m := range earlierOnes.FindAllStringSubmatchIndex(text, -1) {
		write(text[done:m[0]])
		done = m[1]
		if text[m[0]] == '\\' {
			b.WriteString(text[m[0]+1 : m[1]])
			continue
		}
		name := ""
		if m[2] >= 0 {
			name = text[m[2]:m[3]]
		} else {
			name = text[m[4]:m[5]]
		}
		if !variable.MatchString(name) {
			r.sayAt(at, "${%s} is not understood in %s: only ${NAME} is", name, at.File)
			continue
		}
		b.WriteString(r.earlier(name, at))
		if b.Len() > longestValue {
			break
		}
	}
	if done < len(text) && b.Len() <= longestValue {
		write(text[done:])
	}
	return b.String()
}

var escapes = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\\`, `\`, `\$`, `$`)

// earlier is the value of a variable that a line above has set.
func (r *reader) earlier(name string, at Place) string {
	value, ok := r.env[name]
	if _, off := r.offered[name]; !ok && !off {
		r.undefined(name, at, 1)
	}
	return value
}
