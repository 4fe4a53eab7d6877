package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/cli/cli/compose/template"
	"gopkg.in/yaml.v3"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// mostDollars is how often the files may write a $.
const mostDollars = 20_000

// largestExpanded is how much the variables of all files may become together.
const largestExpanded = 4 << 20

// used finds variables as the docker program's template does, with the form of each.
var used = lazyregexp.New(`\$(?i:(\$)|([_a-z][_a-z0-9]*)((?::?[-?][^}]*)?)|\{([_a-z][_a-z0-9]*)((?::?[-?][^}]*)?)\}|())`)

// lookup is what the docker program will be asked with.
func (r *reader) lookup(name string) (string, bool) {
	value, ok := r.env[name]
	return value, ok
}

// interpolated is a value with its variables put in, once all is known to be well.
func (r *reader) interpolated(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	value, err := template.Substitute(text, r.lookup)
	if err != nil {
		return text
	}
	return value
}

// substitute holds the values of a tree against the variables.
func (r *reader) substitute(f *file, n *yaml.Node, at []string) {
	if r.full() || r.expanded > largestExpanded || r.dollars > mostDollars {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		r.substitute(f, n.Alias, at)
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			r.substitute(f, n.Content[i+1], below(at, n.Content[i].Value))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.substitute(f, item, below(at, "[]"))
		}
	case yaml.ScalarNode:
		if n.ShortTag() == "!!str" && strings.Contains(n.Value, "$") {
			r.scalar(f, n, at)
		}
	}
}

func (r *reader) scalar(f *file, n *yaml.Node, at []string) {
	if r.dollars += strings.Count(n.Value, "$"); r.dollars > mostDollars {
		r.say(f.name, n.Line, n.Column, "there are too many variables in this recipe: at most %d places for one", mostDollars)
		return
	}
	if open := unclosed(n.Value); open != "" {
		line, column := r.find(f.name, n, open)
		r.say(f.name, line, column, "this ${ is not closed; a plain $ is written $$")
		return
	}
	for _, m := range used.FindAllStringSubmatch(n.Value, -1) {
		name, form := m[2]+m[4], m[3]+m[5]
		if m[1] != "" {
			continue
		}
		if name == "" {
			line, column := r.find(f.name, n, m[0])
			r.say(f.name, line, column, "this $ begins no variable: a plain $ is written $$")
			return
		}
		if value, known := r.env[name]; known {
			if r.expanded += len(value); r.expanded > largestExpanded {
				line, column := r.find(f.name, n, m[0])
				r.say(f.name, line, column, "the variables in this recipe become too much text: at most %d KiB", largestExpanded>>10)
				return
			}
			if value != "" || !strings.HasPrefix(form, ":?") {
				continue
			}
		}
		_, off := r.offered[name]
		switch {
		case form != "" && form[len(form)-len(strings.TrimLeft(form, ":"))] == '-':
		case form == "" && off && !isName(at):
			// The recipe offers it and works without: empty, as for the docker program.
		case r.full():
			return
		default:
			line, column := r.find(f.name, n, m[0])
			r.undefined(name, Place{f.name, line}, column)
		}
	}
}

// unclosed is what begins at a ${ behind which no brace closes. The docker program's
// template would look for one from each of them, to the end of the value.
func unclosed(value string) string {
	tail := value[strings.LastIndexByte(value, '}')+1:]
	for i := 0; i+1 < len(tail); i++ {
		switch {
		case tail[i] != '$':
		case tail[i+1] == '{':
			return tail[i:min(i+20, len(tail))]
		case tail[i+1] == '$':
			i++
		}
	}
	return ""
}

// isName tells the paths of names in the engine: an empty part would make another name.
func isName(at []string) bool {
	return len(at) == 3 && at[2] == "name" && slices.Contains([]string{"volumes", "networks", "configs", "secrets"}, at[0])
}

// mostCompared is among how many variables a misspelt one is looked for.
const mostCompared = 1000

// undefined says that a variable has no value, and what is to be done.
func (r *reader) undefined(name string, at Place, column int) {
	if r.full() {
		return
	}
	if u, ok := r.unknown[name]; ok {
		r.say(at.File, at.Line, column, "%s is set %s in line %d of %s, which is read and never run: set it in the enrolment's env", name, u.why, u.place.Line, u.place.File)
		return
	}
	message := name + " is not defined: set it in .env.sample"
	if at.File != envSample {
		message += ", or write a default, ${" + name + ":-…}"
	}
	if d, off := r.offered[name]; off {
		message = name + " is used here, and its line in .env.sample is switched off: switch it on, or set it in the enrolment's env"
		if at.File == envSample && d.place.Line > at.Line {
			message = name + " is not defined above this line"
		}
	}
	p := recipes.ProblemAt(at.File, r.texts[at.File], at.Line, column, plain(message))
	if len(r.env) < mostCompared {
		p.Nearest = recipes.Nearest(name, slices.Sorted(maps.Keys(r.env)))
	}
	r.note(p)
}

// find is where a piece of a value is written: on the value's own line, or below it in
// a block.
func (r *reader) find(name string, n *yaml.Node, piece string) (line, column int) {
	number := 0
	for l := range strings.Lines(r.texts[name]) {
		number++
		if number < n.Line {
			continue
		}
		from := 0
		if number == n.Line {
			from = min(max(n.Column-1, 0), len(l))
		}
		if i := strings.Index(l[from:], piece); i >= 0 {
			return number, 1 + len([]rune(l[:from+i]))
		}
		if number > n.Line+200 {
			break
		}
	}
	return n.Line, n.Column
}
