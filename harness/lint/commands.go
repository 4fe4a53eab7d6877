package lint

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

var (
	// plainCommand is a line whose first word the shell takes as it stands.
	plainCommand = lazyregexp.New(`^(?:exec[ \t]+)?(\./[A-Za-z0-9_./-]+)(?:[ \t]|$)`)
	// inVariable is a first word below a folder that a variable names.
	inVariable = lazyregexp.New(`^(?:exec[ \t]+)?"?\$\{?([A-Z0-9_]+)\}?"?/`)
	// portOption is an option that says where to listen, with a number.
	portOption = lazyregexp.New(`(?:^|\s)(?:--?(?:port|listen|bind|addr|address|http|http-port|http-addr)[= ]|-p ?|PORT=)["']?(?:[0-9A-Za-z.*\[\]-]*:)?([0-9]{2,5})["']?(?:\s|$)`)
	// piped is a download that a shell runs.
	piped      = lazyregexp.New(`\b(?:curl|wget)\b[^|;&]*\|\s*(?:sudo\s+)?(?:\S*/)?(?:ba|da|z)?sh\b|\b(?:ba|da|z)?sh\s+(?:-c\s+)?["']?(?:<\(|\$\()\s*(?:curl|wget)\b`)
	latestForm = lazyregexp.New(`[A-Za-z0-9_./-]+[@:]latest\b|\S*/releases/latest/\S*`)
)

// commandRules are about what the Procfile and the enrolment run.
func commandRules() []rule {
	return []rule{
		{"command-missing", run.SeverityError, commandMissing},
		{"command-not-executable", run.SeverityError, commandNotExecutable},
		{"command-in-volume", run.SeverityWarning, commandInVolume},
		{"port-hard-coded", run.SeverityWarning, portHardCoded},
		{"unpinned-input", run.SeverityWarning, unpinnedInput},
	}
}

func commandMissing(r *recipe, say say) {
	for _, l := range r.programs() {
		if _, err := fs.Stat(r.FS, l.program); errors.Is(err, fs.ErrNotExist) {
			say(procfileName, l.number, "%s runs %s, which is not in the repository, and nothing builds it: commit it, or set build.command in the enrolment", visible(l.name), visible(l.program))
		}
	}
}

func commandNotExecutable(r *recipe, say say) {
	for _, l := range r.programs() {
		if info, err := fs.Stat(r.FS, l.program); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 == 0 {
			say(procfileName, l.number, "%s runs %s, which is not executable: `git update-index --chmod=+x` makes it so", visible(l.name), visible(l.program))
		}
	}
}

func commandInVolume(r *recipe, say say) {
	for _, l := range r.procfile {
		if m := inVariable.FindStringSubmatch(l.command); m != nil && slices.Contains(r.volumeVariables(), m[1]) {
			say(procfileName, l.number, "%s runs a program from the volume in %s: volumes outlive an upgrade, so the old program may keep running. Start it from the release's own folder", visible(l.name), visible(m[1]))
		}
	}
}

func portHardCoded(r *recipe, say say) {
	for _, l := range r.procfile {
		if l.name != "web" || strings.Contains(l.command, "$PORT") || strings.Contains(l.command, "${PORT") {
			continue
		}
		if m := portOption.FindStringSubmatch(l.command); m != nil {
			say(procfileName, l.number, "web is told to use port %s: it must answer on $PORT, which differs from run to run", m[1])
		}
	}
}

func unpinnedInput(r *recipe, say say) {
	look := func(file string, line int, what, command string) {
		switch {
		case piped.MatchString(command):
			say(file, line, "%s downloads a script and runs it: what it does may change from one run to the next. Commit the script, or pin it by its checksum", what)
		case latestForm.MatchString(command):
			say(file, line, "%s asks for %s: the same commit may become another app tomorrow. Name a version", what, visible(latestForm.FindString(command)))
		}
	}
	look(r.enrolment, 0, "build.command", r.Enrolment.Build.Command.String())
	for _, l := range r.procfile {
		look(procfileName, l.number, visible(l.name), l.command)
	}
}

// programLine is a line that surely runs a file of the repository.
type programLine struct {
	procLine
	program string
}

// programs finds them. Where something is built first nothing is sure.
func (r *recipe) programs() []programLine {
	var found []programLine
	for _, l := range r.procfile {
		if m := plainCommand.FindStringSubmatch(l.command); m != nil && !r.made() {
			if name := path.Clean(m[1]); fs.ValidPath(name) {
				found = append(found, programLine{l, name})
			}
		}
	}
	return found
}
