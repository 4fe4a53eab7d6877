package nomad

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/internal/lazyregexp"
)

// foreignFunctions are functions of templates that read what belongs to others: variables and
// services of Nomad, Consul, Vault, files of the node.
var foreignFunctions = []string{
	"key", "keyExists", "keyExistsGet", "keyOrDefault", "ls", "safeLs", "tree", "safeTree", "datacenters", "node", "nodes", "byKey", "byTag", "byPort", "byMeta",
	"service", "services", "connect", "caRoots", "caLeaf", "exportedServices", "partitions", "peerings",
	"secret", "secrets", "pkiCert",
	"nomadVar", "nomadVarList", "nomadVarListSafe", "nomadVarExists", "nomadService", "nomadServices",
	"file", "plugin", "writeToFile", "sockaddr", "executeTemplate",
}

var (
	quotedText = lazyregexp.New("^(?:\"(?:[^\"\\\\\n]|\\\\.)*\"|`[^`]*`|'(?:[^'\\\\\n]|\\\\.)*')")
	wordForm   = lazyregexp.New(`(?:^|[^A-Za-z0-9_.$])([A-Za-z_][A-Za-z0-9_]*)`)
)

// template holds a template block against the policy.
func (r *refusals) template(where string, t *api.Template) {
	if r.trusted {
		return
	}
	if value(t.SourcePath) != "" {
		r.untrusted(where, "a template from a file (%s), which cannot be looked at beforehand; write it into the job file as data", *t.SourcePath)
	}
	if to := value(t.DestPath); path.IsAbs(to) || strings.HasPrefix(path.Clean(to), "..") {
		r.untrusted(where, "a template that is written outside of the task (%s)", to)
	}
	for _, function := range functions(value(t.EmbeddedTmpl), value(t.LeftDelim), value(t.RightDelim)) {
		if slices.Contains(foreignFunctions, function) {
			r.untrusted(where, "a template that calls %s, which reads what is not the app's", function)
		}
	}
}

// functions lists the words in a template's actions that may be functions.
func functions(text, left, right string) []string {
	left = cmp.Or(left, "{{")
	right = cmp.Or(right, "}}")
	var found []string
	for {
		_, rest, ok := strings.Cut(text, left)
		if !ok {
			return found
		}
		action, after := cutAction(rest, right)
		for _, m := range wordForm.FindAllStringSubmatch(action, -1) {
			if !slices.Contains(found, m[1]) {
				found = append(found, m[1])
			}
		}
		text = after
	}
}

// cutAction takes an action without its strings off the front of a text. A string may
// hold what looks like the action's end.
func cutAction(text, right string) (action, after string) {
	var b strings.Builder
	for text != "" {
		if rest, ok := strings.CutPrefix(text, right); ok {
			return b.String(), rest
		}
		length := max(1, len(quotedText.FindString(text)))
		if length > 1 {
			b.WriteByte(' ')
		} else {
			b.WriteByte(text[0])
		}
		text = text[length:]
	}
	return b.String(), ""
}
