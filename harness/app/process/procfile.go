package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"seatrial/harness/app"
	"seatrial/internal/lazyregexp"
)

const (
	procfileName = "Procfile"
	mainService  = "web"
	releaseStep  = "release"
	// maxProcfile bounds what is read of a file that the recipe controls.
	maxProcfile = 64 << 10
	maxServices = 32
)

// procfile is a Procfile's content.
type procfile struct {
	services []procLine // web first
	release  string     // empty for none
}

type procLine struct{ name, command string }

var procForm = lazyregexp.New(`^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*)$`)

// readProcfile reads the Procfile of a release's folder. What is wrong with it is
// a *app.Fault that names the line.
func readProcfile(dir string) (procfile, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return procfile{}, fmt.Errorf("cannot open the release: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(procfileName, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return procfile{}, &app.Fault{
			Summary: "there is no Procfile in the repository",
			Hint:    "add a file named Procfile with a line like `web: ./server`",
		}
	}
	if info, lerr := root.Lstat(procfileName); err != nil && lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
		return procfile{}, &app.Fault{Summary: "the Procfile is a link that leads out of the repository", Hint: "put the file itself there"}
	}
	if err != nil {
		return procfile{}, &app.Fault{Summary: fmt.Sprintf("the Procfile cannot be read: %v", err)}
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return procfile{}, &app.Fault{Summary: "the Procfile is not a regular file"}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxProcfile+1))
	if err != nil {
		return procfile{}, fmt.Errorf("cannot read the Procfile: %w", err)
	}
	if len(content) > maxProcfile {
		return procfile{}, &app.Fault{Summary: fmt.Sprintf("the Procfile is larger than %d KiB", maxProcfile>>10)}
	}
	return parseProcfile(content)
}

func parseProcfile(content []byte) (procfile, error) {
	var p procfile
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, maxProcfile+1)
	seen := map[string]int{}
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := procForm.FindStringSubmatch(line)
		wrong := func(format string, args ...any) (procfile, error) {
			return procfile{}, &app.Fault{
				Summary:  fmt.Sprintf("%s:%d: %s", procfileName, number, fmt.Sprintf(format, args...)),
				Evidence: []string{line},
				Hint:     "write one service a line, like `web: ./server`",
			}
		}
		switch {
		case strings.ContainsRune(line, 0):
			return wrong("the line holds a NUL character")
		case m == nil:
			return wrong("this is not a name, a colon and a command")
		case m[2] == "":
			return wrong("%s has no command", m[1])
		case seen[m[1]] > 0:
			return wrong("%s stands in line %d already", m[1], seen[m[1]])
		case len(seen) == maxServices:
			return wrong("there are more than %d services", maxServices)
		}
		seen[m[1]] = number
		switch m[1] {
		case releaseStep:
			p.release = m[2]
		case mainService:
			p.services = append([]procLine{{m[1], m[2]}}, p.services...)
		default:
			p.services = append(p.services, procLine{m[1], m[2]})
		}
	}
	if err := lines.Err(); err != nil {
		return procfile{}, fmt.Errorf("cannot read the Procfile: %w", err)
	}
	if seen[mainService] == 0 {
		return procfile{}, &app.Fault{
			Summary: "the Procfile has no line for web",
			Hint:    "add a line like `web: ./server`: the service that answers on $PORT",
		}
	}
	return p, nil
}

// shellOnly starts a line that exec cannot: a keyword or a builtin.
var shellOnly = lazyregexp.New(`^(!|\.|:|\[|alias|break|case|cd|command|continue|eval|exec|exit|export|for|if|local|read|readonly|return|set|shift|source|test|times|trap|type|ulimit|umask|unset|until|wait|while)$`)

// shellLine is the argument of sh -c for a line of the Procfile. A simple command
// takes the shell's place, so that its exit and its signals are its own; anything
// else stays with the shell, and signals go to the whole process group.
func shellLine(line string) string {
	if strings.ContainsAny(line, ";&|<>(){}`\n\\") || strings.Contains(line, "$(") {
		return line
	}
	first := strings.Fields(line)[0]
	if strings.Contains(first, "=") || shellOnly.MatchString(first) {
		return line
	}
	return "exec " + line
}
