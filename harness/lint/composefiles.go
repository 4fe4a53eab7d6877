package lint

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"seatrial/internal/lazyregexp"
)

// composeName is a compose file at the top of a recipe, main file or overlay.
var composeName = lazyregexp.New(`^(?:docker-)?compose(?:\.[A-Za-z0-9_.-]+)?\.ya?ml$`)

// bounds of what is looked at in one compose file as it is written. They are far above
// what the reader of recipes accepts.
const (
	maxDepth   = 64
	mostLeaves = 20_000
)

// leaf is one value as it stands in a file, before variables are put in. Entries of a
// list are numbered, but for those of the form key=value, which are keys.
type leaf struct {
	file string
	line int
	path []string
	text string
}

// is says whether the leaf lies at the path; "*" is any step.
func (l leaf) is(path ...string) bool {
	return len(l.path) == len(path) && l.below(path...)
}

func (l leaf) below(path ...string) bool {
	if len(l.path) < len(path) {
		return false
	}
	for i, step := range path {
		if step != "*" && step != l.path[i] {
			return false
		}
	}
	return true
}

// composeFiles are the compose files: those that make up the deployment, and every
// other one at the top, for somebody else's deployment.
func (r *recipe) composeFiles() []string {
	var names []string
	if r.Recipe != nil {
		names = slices.Clone(r.Recipe.Files)
	}
	for _, e := range r.entries {
		if composeName.MatchString(e.path) && !slices.Contains(names, e.path) {
			names = append(names, e.path)
		}
	}
	return names
}

// composeLeaves are the values of every compose file. A file that is no YAML has none.
func (r *recipe) composeLeaves() []leaf {
	if r.leaves == nil {
		r.leaves = []leaf{}
		for _, name := range r.composeFiles() {
			if text, err := r.read(name); err == nil {
				r.leaves = append(r.leaves, leavesOf(name, text)...)
			}
		}
	}
	return r.leaves
}

// deployed are the leaves of the files that make up the deployment.
func (r *recipe) deployed() []leaf {
	return slices.DeleteFunc(slices.Clone(r.composeLeaves()), func(l leaf) bool {
		return !slices.Contains(r.Recipe.Files, l.file)
	})
}

func leavesOf(file, text string) (found []leaf) {
	// What a parser cannot bear, the reader of recipes has reported.
	defer func() { _ = recover() }()
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil {
		return nil
	}
	add := func(line int, path []string, text string) {
		if len(found) < mostLeaves {
			found = append(found, leaf{file, line, slices.Clone(path), text})
		}
	}
	var walk func(n *yaml.Node, path []string)
	walk = func(n *yaml.Node, path []string) {
		if len(path) > maxDepth {
			return
		}
		switch n.Kind {
		case yaml.DocumentNode:
			for _, child := range n.Content {
				walk(child, path)
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, value := n.Content[i], n.Content[i+1]
				if value.Kind == yaml.ScalarNode {
					add(key.Line, append(path, key.Value), value.Value)
				} else {
					walk(value, append(path, key.Value))
				}
			}
		case yaml.SequenceNode:
			for i, item := range n.Content {
				if key, value, ok := strings.Cut(item.Value, "="); ok && item.Kind == yaml.ScalarNode {
					add(item.Line, append(path, key), value)
				} else {
					walk(item, append(path, strconv.Itoa(i)))
				}
			}
		case yaml.ScalarNode:
			add(n.Line, path, n.Value)
		}
	}
	walk(&doc, nil)
	return found
}
