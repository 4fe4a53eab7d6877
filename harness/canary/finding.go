package canary

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// finding is what a look came to.
type finding struct {
	vouched   bool // the enrolment's own steps found their data
	lost      []string
	hard      bool     // some of it nothing excuses
	excuses   []string // what canaries.ignore would have to name
	tables    bool     // canaries.tables: off would do
	notes     []string
	uncovered []string
}

func (f *finding) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

// lose tells of data that is gone. excuse is the glob by which an enrolment says that it
// may go, empty where nothing excuses it.
func (f *finding) lose(excuse, format string, args ...any) {
	f.lost = append(f.lost, fmt.Sprintf(format, args...))
	f.hard = f.hard || excuse == ""
	if excuse != "" && !slices.Contains(f.excuses, excuse) {
		f.excuses = append(f.excuses, excuse)
	}
}

// doubt tells of what may be lost data, and may be what a healthy migration does: where
// the enrolment's own steps find their data, it is no more than a note.
func (f *finding) doubt(excuse, format string, args ...any) {
	if f.vouched {
		f.note(format+". canaries.expect found its data, so this is taken for a migration", args...)
		return
	}
	f.lose(excuse, format, args...)
}

// add takes over what another one came to.
func (f *finding) add(other *finding) {
	f.lost, f.notes = append(f.lost, other.lost...), append(f.notes, other.notes...)
	for _, excuse := range other.excuses {
		if !slices.Contains(f.excuses, excuse) {
			f.excuses = append(f.excuses, excuse)
		}
	}
	f.tables, f.hard = f.tables || other.tables, f.hard || other.hard
}

// fault is the lost data as a fault, nil if there is none.
func (f *finding) fault() error {
	if len(f.lost) == 0 {
		return nil
	}
	summary := "data is lost: " + f.lost[0]
	if len(f.lost) > 1 {
		summary = fmt.Sprintf("%s, and %d more", summary, len(f.lost)-1)
	}
	fault := &run.Fault{Summary: summary, Evidence: f.lost}
	if f.hard {
		return fault
	}
	const shown = 3
	var hints []string
	if n := len(f.excuses); n > 0 {
		hints = append(hints, fmt.Sprintf("canaries.ignore: [%s] in the enrolment", strings.Join(quoted(f.excuses[:min(n, shown)]), ", ")))
	}
	if f.tables {
		hints = append(hints, "canaries.tables: off, which makes no table of ours in databases,")
	}
	if len(hints) > 0 {
		fault.Hint = "if that is as it should be, " + strings.Join(hints, " or ") + " excuses it"
	}
	return fault
}

func quoted(all []string) []string {
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return out
}

// asGlob is a glob that matches a name alone.
func asGlob(name string) string { return globSigns.ReplaceAllString(name, `\$0`) }

var globSigns = lazyregexp.New(`[*?\[\]{}\\]`)

// ignored says whether the name, or that of a folder that it lies in, matches one of
// the globs.
func ignored(globs []string, name string) bool {
	for ; strings.Trim(name, "/.") != "" && strings.Contains(name, "/"); name = path.Dir(name) {
		if slices.ContainsFunc(globs, func(glob string) bool { return doublestar.MatchUnvalidated(glob, name) }) {
			return true
		}
	}
	return false
}
