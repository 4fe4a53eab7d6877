package canary

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"seatrial/harness/app"
)

const (
	// allKeys is up to how many rows every key is remembered without a second thought. Of
	// larger tables every key is as long as those of one database are no more than keyBytes
	// together and are told within keysWithin; then the sample's number from either end.
	allKeys    = 10_000
	keyBytes   = 16 << 20
	keysWithin = 30 * time.Second
	sampleRows = 500
	// namedRows is how many vanished rows are named, and shownKey how much of a key.
	namedRows = 10
	shownKey  = 60
)

// table is what is remembered of one of the app's own tables.
type table struct {
	name    string // for people
	path    string // in SQL
	columns []string
	keys    []string // the key's columns; none for a table without one
	kinds   []string // what each of those holds
	count   int
	rows    map[string]bool // the keys' values, those of one key with separator between
	whole   bool            // rows are all of them, and no sample
	ignored bool
}

// separator stands between the values of a key of several columns.
const separator = "\x1f"

// sampled says that not every key is known.
func (t table) sampled() bool { return len(t.keys) > 0 && !t.whole }

// grown is by how many rows each table has grown. A table that is gone may be in them.
func grown(before, now []table) map[string]int {
	rest := map[string]int{}
	for _, n := range now {
		rest[n.name] = n.count
		if old, known := named(before, n.name); known && old.name == n.name {
			rest[n.name] -= old.count
		}
	}
	return rest
}

// lost says what of the table's rows is not among the tables as they are now, or
// nothing. before are the tables that there were, and rest is by how much the others have
// grown. It is not sure where a migration that keeps every row looks the same.
func (t table) lost(before, now []table, rest map[string]int) (why string, sure bool) {
	if t.count == 0 {
		return "", false // an empty table may go
	}
	n, there := named(now, t.name)
	if there && n.name != t.name && slices.ContainsFunc(before, func(b table) bool { return b.name == n.name }) {
		there = false // where Users and users are two tables, one does not replace the other
	}
	switch {
	case !there && slices.ContainsFunc(now, func(n table) bool { return t.became(n, before) }):
		return "", false
	case !there:
		why = fmt.Sprintf("the table %s is gone, and its %s with it", t.name, count(t.count, "row"))
		for _, n := range now {
			if rest[n.name] >= t.count {
				rest[n.name] -= t.count
				return fmt.Sprintf("%s; %s has as many more", why, n.name), false
			}
		}
		return why, true
	case len(t.keys) == 0 || !slices.EqualFunc(t.keys, n.keys, strings.EqualFold) || !n.whole:
		// Without a key, with another one, or where only a sample is known: their number.
		return t.fewer(n), true
	}
	missing := t.missing(n)
	if len(missing) == 0 || !t.whole && t.count-n.count > len(missing) {
		return t.fewer(n), true
	}
	// Where not one key is left and no row too few, keys were made anew, or everything was.
	anew := t.whole && len(missing) == len(t.rows) && n.count >= t.count
	return fmt.Sprintf("%s gone: %s", of(len(missing), t.name), t.show(missing)), !anew
}

func (t table) fewer(n table) string {
	if n.count >= t.count {
		return ""
	}
	return fmt.Sprintf("%s gone: there were %d, there are %d", of(t.count-n.count, t.name), t.count, n.count)
}

// became says whether a table holds the rows of this one, which is gone. Small
// numbers are keys of many a table: it must also look alike, and the rows must be
// new to it.
func (t table) became(n table, before []table) bool {
	if n.count < t.count || !slices.EqualFunc(t.keys, n.keys, strings.EqualFold) || len(t.missing(n)) > 0 || !t.resembles(n) {
		return false
	}
	old, known := named(before, n.name)
	if !known {
		return true
	}
	return len(t.keys) > 0 && old.whole && len(t.missing(old)) == len(t.rows)
}

// resembles says whether at least half of the columns that are no keys are there
// under their names.
func (t table) resembles(n table) bool {
	all, same := 0, 0
	for _, column := range t.columns {
		if slices.Contains(t.keys, column) {
			continue
		}
		all++
		if slices.ContainsFunc(n.columns, func(c string) bool { return strings.EqualFold(c, column) }) {
			same++
		}
	}
	return 2*same >= all
}

// missing are the known keys that the other table is not known to have.
func (t table) missing(n table) []string {
	var missing []string
	for key := range maps.Keys(t.rows) {
		if !n.rows[key] {
			missing = append(missing, key)
		}
	}
	slices.SortFunc(missing, byNumber)
	return missing
}

// byNumber puts 9 before 10.
func byNumber(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

// show names rows by their keys: "id 4, 5, 6" or "(user, day) (1, Monday)".
func (t table) show(keys []string) string {
	var shown []string
	for _, key := range keys[:min(len(keys), namedRows)] {
		key = strings.ReplaceAll(clip(key), separator, ", ")
		if len(t.keys) > 1 {
			key = "(" + key + ")"
		}
		shown = append(shown, key)
	}
	if len(keys) > namedRows {
		shown = append(shown, "...")
	}
	columns := strings.Join(t.keys, ", ")
	if len(t.keys) > 1 {
		columns = "(" + columns + ")"
	}
	return columns + " " + strings.Join(shown, ", ")
}

func clip(s string) string {
	if utf8.RuneCountInString(s) <= shownKey {
		return s
	}
	return string([]rune(s)[:shownKey]) + "…"
}

// named finds a table. SQL does not always tell Users from users.
func named(tables []table, name string) (table, bool) {
	i := slices.IndexFunc(tables, func(t table) bool { return t.name == name })
	if i >= 0 {
		return tables[i], true
	}
	i = slices.IndexFunc(tables, func(t table) bool { return strings.EqualFold(t.name, name) })
	if i < 0 {
		return table{}, false
	}
	return tables[i], true
}

// of is "1 row of entries is" or "3 rows of entries are".
func of(n int, name string) string {
	verb := "are"
	if n == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s of %s %s", count(n, "row"), name, verb)
}

// number reads the answer to a count.
func number(rows app.Rows) (int, error) {
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, errors.New("the database did not answer with one number")
	}
	n, err := strconv.Atoi(rows[0][0])
	if err != nil {
		return 0, fmt.Errorf("the database did not answer with a number: %w", err)
	}
	return n, nil
}
