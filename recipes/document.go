package recipes

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read: an enrolment is written by hand.
const (
	largestFile = 256 << 10
	mostValues  = 20_000 // aliases expanded
	deepest     = 64
)

// document is a YAML or JSON file as plain values, and where each of them stands.
type document struct {
	file   string
	text   string
	value  any
	keys   map[string]spot // JSON pointer → its key
	values map[string]spot // JSON pointer → its value
}

type spot struct{ line, column int }

// problem says something about the value, or with key about the key, at a pointer.
// Where the pointer names nothing, the nearest thing around it is shown.
func (d *document) problem(at string, key bool, format string, args ...any) Problem {
	p := Problem{File: d.file, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	for where := at; ; where = where[:strings.LastIndexByte(where, '/')] {
		s, ok := d.values[where]
		if k, isKey := d.keys[where]; isKey && (key || !ok || where != at) {
			s, ok = k, true
		}
		if ok {
			p.Line, p.Column = s.line, s.column
			break
		}
		if where == "" {
			break
		}
	}
	p.Source = excerpt(d.text, p.Line, p.Column)
	return p
}

// readDocument parses the text. JSON is read by the same parser: it is YAML, too.
func readDocument(noun, file string, text []byte) (doc *document, problem *Problem) {
	d := &document{file: file, text: string(text), keys: map[string]spot{}, values: map[string]spot{}}
	whole := func(format string, args ...any) *Problem {
		return &Problem{File: file, Message: fmt.Sprintf(format, args...)}
	}
	if len(text) > largestFile {
		return nil, whole("the file is too large for %s: %d bytes, at most %d are read", noun, len(text), largestFile)
	}
	// A parser that meets what its authors did not think of may panic; that must not
	// take the other recipes down.
	defer func() {
		if r := recover(); r != nil {
			doc, problem = nil, whole("the file cannot be understood as YAML: %v", r)
		}
	}()
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, d.syntax(err)
	}
	docs := 0
	for _, part := range tree.Docs {
		if part.Body == nil {
			continue
		}
		if docs++; docs > 1 {
			second := start(part.Body)
			return nil, &Problem{
				File: file, Line: second.line, Column: second.column, Source: excerpt(d.text, second.line, second.column),
				Message: "a second document begins here: " + noun + " is one document",
			}
		}
		r := reader{document: d, anchors: map[string]ast.Node{}}
		if d.value, problem = r.read(part.Body, "", 0); problem != nil {
			return nil, problem
		}
	}
	return d, nil
}

func (d *document) syntax(err error) *Problem {
	if positioned, ok := errors.AsType[yaml.Error](err); ok {
		return d.at(positioned.GetToken(), "%s", positioned.GetMessage())
	}
	return &Problem{File: d.file, Message: err.Error()}
}

func (d *document) at(t *token.Token, format string, args ...any) *Problem {
	p := Problem{File: d.file, Message: fmt.Sprintf(format, args...)}
	if t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
		p.Source = excerpt(d.text, p.Line, p.Column)
	}
	return &p
}

// reader turns the syntax tree into values, within bounds.
type reader struct {
	*document
	anchors map[string]ast.Node
	count   int
}

func (r *reader) read(n ast.Node, at string, depth int) (any, *Problem) {
	if r.count++; r.count > mostValues || depth > deepest {
		return nil, r.at(n.GetToken(), "there is too much in this file, or it is nested too deeply, for an enrolment")
	}
	if _, known := r.values[at]; !known {
		r.values[at] = start(n)
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		r.anchors[n.Name.GetToken().Value] = n.Value
		return r.read(n.Value, at, depth+1)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		target, ok := r.anchors[name]
		if !ok {
			return nil, r.at(n.GetToken(), "there is no &%s above this line", name)
		}
		return r.read(target, at, depth+1)
	case *ast.TagNode:
		return nil, r.at(n.GetToken(), "tags like %s have no meaning here", n.Start.Value)
	case *ast.MappingNode:
		return r.mapping(n.Values, at, depth)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for i, item := range n.Values {
			v, problem := r.read(item, at+"/"+strconv.Itoa(i), depth+1)
			if problem != nil {
				return nil, problem
			}
			list = append(list, v)
		}
		return list, nil
	case *ast.InfinityNode, *ast.NanNode:
		return nil, r.at(n.GetToken(), "%s is not a number that could be used here", n.GetToken().Value)
	case *ast.FloatNode:
		if math.IsInf(n.Value, 0) || math.IsNaN(n.Value) {
			return nil, r.at(n.GetToken(), "%s is not a number that could be used here", n.GetToken().Value)
		}
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case ast.ScalarNode:
		return n.GetValue(), nil
	}
	return nil, r.at(n.GetToken(), "%s is not understood here", n.Type())
}

func (r *reader) mapping(entries []*ast.MappingValueNode, at string, depth int) (any, *Problem) {
	m := make(map[string]any, len(entries))
	var merged []ast.Node
	for _, entry := range entries {
		if _, ok := entry.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, entry.Value)
			continue
		}
		key, problem := r.key(entry.Key)
		if problem != nil {
			return nil, problem
		}
		below := at + "/" + escapePointer(key)
		if first, twice := r.keys[below]; twice && m[key] != nil {
			return nil, r.at(entry.Key.GetToken(), "%s was said already, in line %d", key, first.line)
		}
		r.keys[below] = start(entry.Key)
		v, problem := r.read(entry.Value, below, depth+1)
		if problem != nil {
			return nil, problem
		}
		m[key] = v
	}
	for _, source := range merged {
		v, problem := r.read(source, at, depth+1)
		if problem != nil {
			return nil, problem
		}
		other, ok := v.(map[string]any)
		if !ok {
			return nil, r.at(source.GetToken(), "<< takes keys and values, or an alias of some")
		}
		for key, v := range other {
			if _, said := m[key]; !said {
				m[key] = v
			}
		}
	}
	return m, nil
}

func (r *reader) key(n ast.Node) (string, *Problem) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return n.GetToken().Value, nil
	}
	return "", r.at(n.GetToken(), "a key must be a word")
}

// start is where a node begins: for a mapping, at its first key.
func start(n ast.Node) spot {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return start(n.Values[0])
		}
	case *ast.MappingValueNode:
		return start(n.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return spot{t.Position.Line, t.Position.Column}
	}
	return spot{1, 1}
}

func escapePointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + escapePointer(p))
	}
	return b.String()
}
