package inside

import (
	"fmt"
	"slices"
	"strings"
)

// What cannot be kept of a volume.
const (
	sockets   = "sockets"
	devices   = "device nodes"
	owners    = "owners"
	setID     = "setuid bits, setgid bits and capabilities of programs, which others on this machine could run,"
	attribute = "extended attributes"
	tooDeep   = "contents of folders that lie too deep"
)

const (
	namedOfKind = 3
	longestName = 80
)

// losses counts what could not be kept and remembers the first names of each kind.
type losses struct{ kinds []loss }

type loss struct {
	kind  string
	names []string
	count int
}

func (l *losses) lose(kind, name string) {
	i := slices.IndexFunc(l.kinds, func(x loss) bool { return x.kind == kind })
	if i < 0 {
		i, l.kinds = len(l.kinds), append(l.kinds, loss{kind: kind})
	}
	k := &l.kinds[i]
	k.count++
	if len(k.names) < namedOfKind {
		// An app chooses its names: quoted they fit into a line.
		k.names = append(k.names, fmt.Sprintf("%+.*q", longestName, name))
	}
}

// lines are for people, a line a kind.
func (l *losses) lines() []string {
	var lines []string
	for _, k := range l.kinds {
		more := ""
		if k.count > len(k.names) {
			more = ", ..."
		}
		lines = append(lines, fmt.Sprintf("%s were not kept: %d (%s%s)", k.kind, k.count, strings.Join(k.names, ", "), more))
	}
	return lines
}
