package canary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lost says what of the table's rows is not among the tables as they are now, or
// nothing.
func (t table) lost(now []table) string {
	if t.count == 0 {
		return "" // an empty table may go
	}
	i := slices.IndexFunc(now, func(n table) bool { return n.name == t.name })
	if i < 0 {
		// A migration may rename a table; its rows must be somewhere.
		if len(t.keys) > 0 && slices.ContainsFunc(now, func(n table) bool { return len(t.missing(n)) == 0 && n.count >= t.count }) {
			return ""
		}
		return fmt.Sprintf("the table %s is gone, and its %s with it", t.name, count(t.count, "row"))
	}
	n := now[i]
	// A migration may give a table another key. Then, as without one, only their number can be compared.
	if len(t.keys) == 0 || !slices.Equal(t.keys, n.keys) {
		if n.count < t.count {
			return fmt.Sprintf("%s of %s gone: there were %d, there are %d", count(t.count-n.count, "row"), t.name, t.count, n.count)
		}
		return ""
	}
	missing := t.missing(n)
	if len(missing) == 0 {
		return ""
	}
	shown := missing[:min(len(missing), namedRows)]
	more := ""
	if len(shown) < len(missing) {
		more = ", ..."
	}
	return fmt.Sprintf("%s of %s gone: %s %s%s", count(len(missing), "row"), t.name, strings.Join(t.keys, ", "), strings.Join(shown, "; "), more)
}

// missing are the keys that the other table does not have. Of a large table only
// those are known that lie within the sample.
func (t table) missing(n table) []string {
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(t.rows)) {
		if !n.rows[key] {
			missing = append(missing, key)
		}
	}
	if n.count > allKeys && n.count >= t.count {
		// The newer sample may lie elsewhere because rows were added: nothing is proven.
		return nil
	}
	return missing
}
