package compose

import (
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bounds of a document: anchors make much of little.
const (
	maxNodes = 50_000
	maxDepth = 60
)

// sep joins a path's parts in the table of places.
const sep = "\x00"

// tree notes where a compose file says what.
type tree struct {
	*reader
	file  string
	nodes int
	bad   bool
}

// index walks a file's document. It says whether the document can be made into values
// without harm.
func (r *reader) index(file, text string) bool {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		line := 0
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		r.problem(Place{file, line}, "this is not YAML: %s", yamlLine.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), ""))
		return false
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		r.problem(Place{file, 1}, "this is no compose file: it must hold services, each under its name")
		return false
	}
	t := &tree{reader: r, file: file}
	t.walk(doc.Content[0], nil, 0, map[*yaml.Node]bool{})
	return !t.bad
}

var yamlLine = regexp.MustCompile(`line ([0-9]+): `)

func (t *tree) walk(n *yaml.Node, path []string, depth int, open map[*yaml.Node]bool) {
	if t.bad {
		return
	}
	switch t.nodes++; {
	case t.nodes > maxNodes:
		t.bad = true
		t.problem(Place{t.file, n.Line}, "this file is too large when its anchors are put in: more than %d values", maxNodes)
		return
	case depth > maxDepth:
		t.bad = true
		t.problem(Place{t.file, n.Line}, "this file is nested too deeply: more than %d levels", maxDepth)
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		if open[n.Alias] {
			t.bad = true
			t.problemAt(Place{t.file, n.Line}, n.Column, "the anchor %s contains itself", n.Value)
			return
		}
		t.walk(n.Alias, path, depth+1, open)
	case yaml.MappingNode:
		open[n] = true
		defer delete(open, n)
		for i := 0; i+1 < len(n.Content); i += 2 {
			t.entry(n.Content[i], n.Content[i+1], path, depth, open)
		}
	case yaml.SequenceNode:
		open[n] = true
		defer delete(open, n)
		for i, item := range n.Content {
			t.item(i, item, path, depth, open)
		}
	case yaml.ScalarNode:
		t.variables(n, path)
	}
}

func (t *tree) entry(key, value *yaml.Node, path []string, depth int, open map[*yaml.Node]bool) {
	if key.Value == "<<" && key.Tag == "!!merge" {
		t.walk(value, path, depth+1, open)
		return
	}
	below := append(path[:len(path):len(path)], key.Value)
	t.place(below, key.Line)
	t.walk(value, below, depth+1, open)
}

// item notes an item of a list under its number and, if it says name=value, under its name.
func (t *tree) item(i int, item *yaml.Node, path []string, depth int, open map[*yaml.Node]bool) {
	below := append(path[:len(path):len(path)], strconv.Itoa(i))
	t.place(below, item.Line)
	if item.Kind == yaml.ScalarNode {
		name, _, _ := strings.Cut(t.interpolated(item.Value), "=")
		t.place(append(path[:len(path):len(path)], name), item.Line)
	}
	t.walk(item, below, depth+1, open)
}

func (t *tree) place(path []string, line int) {
	t.recipe.places[strings.Join(path, sep)] = Place{t.file, line}
}

// reference is a variable in a compose file.
var reference = regexp.MustCompile(`\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?+][^}]*)?\}|([A-Za-z_][A-Za-z0-9_]*))`)

// variables looks at the variables that a value needs.
func (t *tree) variables(n *yaml.Node, path []string) {
	for _, m := range reference.FindAllStringSubmatch(n.Value, -1) {
		name, otherwise := m[2]+m[4], m[3]
		if m[1] != "" || name == "" {
			continue
		}
		t.recipe.Variables = append(t.recipe.Variables, Variable{Name: name, At: Place{t.file, n.Line}, Path: append([]string{}, path...)})
		if _, set := t.env[name]; set || otherwise != "" {
			continue
		}
		if at, ok := t.computed[name]; ok {
			t.problemAt(Place{t.file, n.Line}, n.Column, "the variable %s is computed by a command in %s:%d, and no script of a recipe is run here: set it in the enrolment's env", name, at.File, at.Line)
			continue
		}
		t.problemAt(Place{t.file, n.Line}, n.Column, "the variable %s is set nowhere: give it a value in %s, a default like ${%s:-value}, or set it in the enrolment's env", name, envSample, name)
	}
}

// interpolated puts in variables where that is harmless: for names.
func (r *reader) interpolated(s string) string {
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		if v, ok := r.env[m[2]+m[4]]; ok {
			return v.value
		}
		return ref
	})
}
