package compose

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// Bounds of a file's tree, with its aliases expanded.
const (
	mostValues = 10_000
	mostText   = 2 << 20
	deepest    = 64
)

// file is one compose file.
type file struct {
	name string
	root *yaml.Node
	dict map[string]any
}

// parse reads a compose file's tree, with the parser that the docker program uses, and
// refuses what would grow beyond its bounds before anything is expanded.
func (r *reader) parse(name, text string) (f *file) {
	defer func() {
		if p := recover(); p != nil {
			r.say(name, 0, 0, "the file cannot be understood as YAML: %v", p)
			f = nil
		}
	}()
	if line := oddBreak(text); line > 0 {
		r.say(name, line, 1, "this line has a line break that YAML knows and editors do not show: lines would be counted otherwise")
		return nil
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		r.say(name, 1, 1, "the file is empty")
		return nil
	} else if err != nil {
		r.syntax(name, err)
		return nil
	}
	if err := decoder.Decode(&second); err == nil {
		r.say(name, second.Line, second.Column, "a second document begins here: the docker program reads only the first")
		return nil
	} else if !errors.Is(err, io.EOF) {
		r.syntax(name, err)
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		r.say(name, root.Line, root.Column, "a compose file is keys and values, like services:")
		return nil
	}
	c := checker{reader: r, file: name, inside: map[*yaml.Node]bool{}}
	if !c.check(root, 0) {
		return nil
	}
	var value any
	if err := doc.Decode(&value); err != nil {
		r.syntax(name, err)
		return nil
	}
	dict, ok := value.(map[string]any)
	if !ok {
		r.say(name, root.Line, root.Column, "every key of a compose file must be text")
		return nil
	}
	return &file{name: name, root: root, dict: dict}
}

// oddBreak is the first line with a break that only YAML takes for one, or 0.
func oddBreak(text string) int {
	plain := strings.ReplaceAll(text, "\r\n", "\n")
	if i := strings.IndexAny(plain, "\r\u0085\u2028\u2029"); i >= 0 {
		return 1 + strings.Count(plain[:i], "\n")
	}
	return 0
}

var yamlLine = lazyregexp.New(`line (\d+): `)

func (r *reader) syntax(name string, err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatchIndex(message); m != nil {
		line, _ = strconv.Atoi(message[m[2]:m[3]])
		message = message[m[1]:]
	}
	line = min(line, 1+strings.Count(strings.TrimRight(r.texts[name], "\n"), "\n"))
	r.say(name, line, 1, "the file is not YAML: %s", message)
}

// checker walks a tree as it will be when its aliases are expanded.
type checker struct {
	*reader
	file   string
	inside map[*yaml.Node]bool // anchors around the node
	values int
	text   int
}

func (c *checker) stop(n *yaml.Node, format string, args ...any) bool {
	c.say(c.file, n.Line, n.Column, format, args...)
	return false
}

func (c *checker) check(n *yaml.Node, depth int) bool {
	c.values++
	c.text += len(n.Value)
	switch {
	case depth > deepest:
		return c.stop(n, "this is nested too deeply: at most %d levels", deepest)
	case c.values > mostValues || c.text > mostText:
		return c.stop(n, "there is too much in this file once its aliases are expanded: at most %d values and %d KiB of text", mostValues, mostText>>10)
	}
	switch n.Kind {
	case yaml.AliasNode:
		if c.inside[n.Alias] {
			return c.stop(n, "&%s contains itself", recipes.Quote(n.Value))
		}
		return c.check(n.Alias, depth+1)
	case yaml.ScalarNode:
		if tag := n.ShortTag(); n.Style&yaml.TaggedStyle != 0 && !coreTags[tag] {
			return c.stop(n, "tags like %s have no meaning here", recipes.Quote(tag))
		}
		return true
	}
	if n.Anchor != "" {
		c.inside[n] = true
		defer delete(c.inside, n)
	}
	if n.Style&yaml.TaggedStyle != 0 && !coreTags[n.ShortTag()] {
		return c.stop(n, "tags like %s have no meaning here", recipes.Quote(n.ShortTag()))
	}
	if n.Kind == yaml.MappingNode && !c.keys(n) {
		return false
	}
	for _, child := range n.Content {
		if !c.check(child, depth+1) {
			return false
		}
	}
	return true
}

var coreTags = map[string]bool{
	"!!str": true, "!!int": true, "!!float": true, "!!bool": true, "!!null": true,
	"!!map": true, "!!seq": true, "!!merge": true, "!!timestamp": true,
}

func (c *checker) keys(n *yaml.Node) bool {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if isMerge(key) {
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			return c.stop(key, "a key must be text: put it in quotes")
		}
		if first, twice := seen[key.Value]; twice {
			return c.stop(key, "%s was said already, in line %d", recipes.Quote(key.Value), first)
		}
		seen[key.Value] = key.Line
	}
	return true
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
}

// spot is where a value is written, and how, before variables are put in.
type spot struct {
	Place
	column int
	raw    string
}

const separator = "\x00"

// index notes where each value of a file is written. Of a mapping the first place
// counts, for files add to it; of all else the last, for that is what holds.
func (r *reader) index(f *file, n *yaml.Node, at []string, key *yaml.Node, weak bool) {
	if n.Kind == yaml.AliasNode {
		if key == nil {
			key = n
		}
		n = n.Alias
	}
	here := spot{Place: Place{f.name, n.Line}, column: n.Column, raw: n.Value}
	if key != nil && n.Kind != yaml.ScalarNode {
		here.Line, here.column = key.Line, key.Column
	}
	r.mark(at, here, weak || n.Kind == yaml.MappingNode)
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if k := n.Content[i]; !isMerge(k) {
				r.index(f, n.Content[i+1], below(at, k.Value), k, weak && r.known(below(at, k.Value)))
			}
		}
		for i := 0; i < len(n.Content); i += 2 {
			if isMerge(n.Content[i]) {
				r.merge(f, n.Content[i+1], at)
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			r.item(f, item, at, i)
		}
	}
}

// merge indexes what << brings; what the mapping itself says stays.
func (r *reader) merge(f *file, n *yaml.Node, at []string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, source := range n.Content {
			r.merge(f, source, at)
		}
	case yaml.MappingNode:
		r.index(f, n, at, nil, true)
	}
}

// item indexes an entry of a list, by its number and by what a person would call it:
// the key of key=value, the source and the target of a mount.
func (r *reader) item(f *file, n *yaml.Node, at []string, number int) {
	r.index(f, n, below(at, strconv.Itoa(number)), nil, false)
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	here := spot{Place: Place{f.name, n.Line}, column: n.Column, raw: n.Value}
	switch n.Kind {
	case yaml.ScalarNode:
		value := r.interpolated(n.Value)
		names := []string{value}
		if key, _, ok := strings.Cut(value, "="); ok {
			names = append(names, key)
		}
		names = append(names, strings.Split(value, ":")...)
		for _, name := range names {
			r.mark(below(at, name), here, false)
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == "source" {
				here.raw = n.Content[i+1].Value
			}
		}
		for i := 0; i < len(n.Content); i += 2 {
			switch n.Content[i].Value {
			case "source", "target", "published":
				r.mark(below(at, r.interpolated(n.Content[i+1].Value)), here, false)
			}
		}
	}
}

func (r *reader) mark(at []string, s spot, weak bool) {
	name := strings.Join(at, separator)
	if _, known := r.places[name]; known && weak {
		return
	}
	r.places[name] = s
}

func (r *reader) known(at []string) bool {
	_, ok := r.places[strings.Join(at, separator)]
	return ok
}

func below(at []string, step string) []string {
	return append(at[:len(at):len(at)], step)
}

// at is the spot of a path, or of the nearest thing around it.
func (r *reader) at(path ...string) spot { return nearestSpot(r.places, r.files[0].name, path) }

func nearestSpot(places map[string]spot, first string, path []string) spot {
	for n := len(path); n > 0; n-- {
		if s, ok := places[strings.Join(path[:n], separator)]; ok {
			return s
		}
	}
	return spot{Place: Place{File: first}, column: 1}
}

// sayOf notes a problem with the value at a path.
func (r *reader) sayOf(path []string, format string, args ...any) {
	s := r.at(path...)
	r.say(s.File, s.Line, s.column, "%s", fmt.Sprintf(format, args...))
}
