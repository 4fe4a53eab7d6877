package compose

import (
	"regexp"
	"strconv"
	"strings"
)

const envSample = ".env.sample"

var (
	envLine     = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$`)
	lengthNote  = regexp.MustCompile(`#\s*length\s*=\s*([0-9]+)`)
	envVariable = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))`)
)

// maxSecret is how long a secret may be asked for.
const maxSecret = 1024

// setting is a variable, and where it was set.
type setting struct {
	value string
	at    Place
}

// readEnv reads .env.sample, which a recipe may lack. Lines are expanded in their order.
func (r *reader) readEnv() {
	text, err := r.read(envSample)
	if err != nil {
		if !missing(err) {
			r.problem(Place{File: envSample}, "%s", because(envSample, err))
		}
		return
	}
	for i, line := range strings.Split(text, "\n") {
		at := Place{envSample, i + 1}
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		m := envLine.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
		if m == nil {
			r.problem(at, "this line sets no variable: write NAME=value, or begin it with #")
			continue
		}
		name, value := m[1], m[2]
		if n := lengthNote.FindStringSubmatch(value); n != nil {
			length, err := strconv.Atoi(n[1])
			if err != nil || length < 1 || length > maxSecret {
				r.problem(at, "a secret of the length %s cannot be made: 1 to %d", n[1], maxSecret)
			}
			r.lengths[name] = length
		}
		// What the operator sets stays, and later lines see it.
		if _, set := r.options.Env[name]; set || name == "STACK_NAME" || name == "DOMAIN" {
			continue
		}
		value, literal := unquote(value)
		if !literal {
			value = r.expand(value)
		}
		r.env[name] = setting{value, at}
	}
}

// unquote takes away quotes and a comment behind the value. Between single quotes nothing
// is expanded.
func unquote(value string) (plain string, literal bool) {
	if len(value) > 0 && (value[0] == '"' || value[0] == '\'') {
		if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
			return value[1 : 1+end], value[0] == '\''
		}
	}
	for i := range value {
		if value[i] == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	return strings.TrimSpace(value), false
}

// expand puts in variables that are known already. An unknown one is nothing, as in a shell.
func (r *reader) expand(value string) string {
	return envVariable.ReplaceAllStringFunc(value, func(ref string) string {
		m := envVariable.FindStringSubmatch(ref)
		if s, ok := r.env[m[1]+m[3]]; ok && (s.value != "" || m[2] == "") {
			return s.value
		}
		return m[2]
	})
}

const abraScript = "abra.sh"

// readAbra reads the variables that abra.sh sets at its top level. It is never run.
func (r *reader) readAbra() {
	text, err := r.read(abraScript)
	if err != nil {
		if !missing(err) {
			r.problem(Place{File: abraScript}, "%s", because(abraScript, err))
		}
		return
	}
	depth := 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		// Functions are for abra's users: what they set is not there when it deploys.
		if depth == 0 {
			if m := envLine.FindStringSubmatch(line); m != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				r.setAbra(m[1], m[2], Place{abraScript, i + 1})
			}
		}
		if code, _, _ := strings.Cut(line, "#"); !strings.Contains(code, "${") {
			depth = max(0, depth+strings.Count(code, "{")-strings.Count(code, "}"))
		}
	}
}

func (r *reader) setAbra(name, value string, at Place) {
	if _, set := r.options.Env[name]; set || name == "STACK_NAME" || name == "DOMAIN" {
		return
	}
	value, literal := unquote(value)
	if !literal && (strings.Contains(value, "$(") || strings.Contains(value, "`")) {
		r.computed[name] = at
		return
	}
	if !literal {
		value = r.expand(value)
	}
	r.env[name] = setting{value, at}
}
