package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/internal/lazyregexp"
	"seatrial/internal/pause"
	"seatrial/internal/procs"
)

// evidence is what one process says about the release that runs.
type evidence int

const (
	saysNothing evidence = iota // nothing either way
	saysHead                    // it executes the head's content
	saysOld                     // it executes an older release's content
	saysUnknown                 // it executes something that no release holds
)

// finding is the evidence of one process, in words.
type finding struct {
	evidence evidence
	file     string // as the app sees it
	release  string // whose content it is, for saysOld
	original string // the path within that release
}

// Processes come and go while they are looked at: where none says anything, they
// are looked at again.
const (
	lookTries = 10
	lookPause = 100 * time.Millisecond
)

// Running implements app.Lifecycle. It looks at what the processes of the main
// service execute, not at what they were asked to.
func (a *App) Running(ctx context.Context) (app.Release, error) {
	if err := a.Alive(ctx); err != nil {
		return app.Release{}, err
	}
	in := a.instance()
	if in == nil {
		return app.Release{}, app.ErrNotRunning
	}
	a.mu.Lock()
	look := inspector{app: a, head: a.current, history: append([]*deployed(nil), a.history...)}
	a.mu.Unlock()
	for try := 1; ; try++ {
		all := in.ofService(mainService)
		if len(all) == 0 {
			return app.Release{}, app.ErrNotRunning
		}
		head, fault, err := look.all(all)
		switch {
		case err != nil:
			return app.Release{}, fmt.Errorf("cannot find out what runs: %w", err)
		case head:
			return look.head.release, nil
		case fault != nil:
			return app.Release{}, fault
		case try == lookTries:
			return app.Release{}, &app.Fault{
				Summary:  mainService + " runs nothing that belongs to the release " + look.head.release.Name,
				Evidence: procs.CommandLines(all),
				Hint:     "let the Procfile start a program or script from the release's own folder",
			}
		}
		// A shell was between two of its commands, or one came and went meanwhile.
		if err := pause.For(ctx, lookPause, nil); err != nil {
			return app.Release{}, err
		}
	}
}

// all weighs what the processes say. Without a word from any, neither head nor
// fault is the answer.
func (l *inspector) all(all []procs.Proc) (head bool, fault *app.Fault, err error) {
	for _, p := range all {
		f, err := l.at(p)
		if err != nil {
			return false, nil, err
		}
		switch f.evidence {
		case saysOld:
			return false, &app.Fault{
				Summary: fmt.Sprintf("%s runs %s, which is %s of release %s, not of %s",
					mainService, f.file, f.original, f.release, l.head.release.Name),
				Evidence: procs.CommandLines(all),
				Hint:     "let the Procfile start the program from the release's own folder, where each release brings its own",
			}, nil
		case saysHead:
			head = true
		case saysUnknown:
			fault = &app.Fault{
				Summary:  fmt.Sprintf("%s runs %s, which belongs to no release that was deployed", mainService, f.file),
				Evidence: procs.CommandLines(all),
				Hint:     "let the Procfile start a program or script from the release's own folder",
			}
		}
	}
	return head, fault, nil
}

// ofService lists a service's processes: its main one, what descends from it, and
// what carries its mark but has lost its parents.
func (in *instance) ofService(name string) []procs.Proc {
	var main *service
	for _, s := range in.services {
		if s.name == name {
			main = s
		}
	}
	if main == nil {
		return nil
	}
	var found []procs.Proc
	member := map[int]bool{}
	for _, p := range procs.Descendants(in.supervisor.pid) { // parents before children
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
		_, service, _ := readMarkers(environ)
		if member[p.Parent] || service == name || p.InnerPID() == main.task.pid {
			member[p.PID] = true
			found = append(found, p)
		}
	}
	return found
}

// inspector compares what runs with what was deployed.
type inspector struct {
	app     *App
	head    *deployed
	history []*deployed
	indices map[string]inside.Contents
}

func (l *inspector) index(d *deployed) (inside.Contents, error) {
	if c, ok := l.indices[d.pristine]; ok {
		return c, nil
	}
	c, err := inside.IndexContents(l.app.path(d.pristine))
	if l.indices == nil {
		l.indices = map[string]inside.Contents{}
	}
	l.indices[d.pristine] = c
	return c, err
}

// at looks at one process.
func (l *inspector) at(p procs.Proc) (finding, error) {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID))
	if err != nil {
		return finding{}, nil // it ended in the meantime, or is a kernel's thread
	}
	exe = strings.TrimSuffix(exe, " (deleted)")
	if l.ofSystem(exe) {
		return l.atInterpreter(p, exe)
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/exe", p.PID))
	if err != nil {
		return finding{}, nil
	}
	defer f.Close()
	return l.judge(f, exe)
}

// judge compares a file's content with the releases'.
func (l *inspector) judge(f *os.File, name string) (finding, error) {
	sum, size, err := inside.HashFile(f)
	if err != nil {
		return finding{}, err
	}
	own, err := l.index(l.head)
	if err != nil {
		return finding{}, err
	}
	if _, ok := own.Find(sum, size); ok {
		return finding{evidence: saysHead, file: name}, nil
	}
	for i := len(l.history) - 1; i >= 0; i-- {
		d := l.history[i]
		if d.pristine == l.head.pristine {
			continue
		}
		theirs, err := l.index(d)
		if err != nil {
			return finding{}, err
		}
		if original, ok := theirs.Find(sum, size); ok {
			return finding{evidence: saysOld, file: name, release: d.release.Name, original: original}, nil
		}
	}
	if l.inHead(name) {
		return finding{evidence: saysHead, file: name}, nil // the release command made it
	}
	return finding{evidence: saysUnknown, file: name}, nil
}

func (l *inspector) inHead(name string) bool {
	return strings.HasPrefix(name, l.app.see(l.head.dir)+"/")
}

// ofSystem says that a file is this machine's and not the app's.
func (l *inspector) ofSystem(name string) bool {
	places := []string{"volumes/", "home", "tmp", "build-home", "build-tmp"}
	if !l.app.cfg.Isolate {
		return !strings.HasPrefix(name, l.app.dir+"/") && !strings.HasPrefix(name, os.TempDir()+"/")
	}
	for _, place := range places {
		if strings.HasPrefix(name, filepath.Clean(l.app.see(place))+"/") {
			return false
		}
	}
	return !strings.HasPrefix(name, insideApp+"/") && !strings.HasPrefix(name, insideVolumes+"/") && !strings.HasPrefix(name, "/dev/shm/")
}

// interpreters execute a script that is named among their arguments.
var interpreters = lazyregexp.New(`^(sh|bash|dash|ash|busybox|ksh|zsh|python[0-9.]*|node|nodejs|bun|deno|ruby[0-9.]*|perl[0-9.]*|php[0-9.]*|lua[0-9.]*|java|guile|Rscript|tclsh[0-9.]*)$`)

// atInterpreter judges a program of the system's by the script that it was given,
// else by where it works.
func (l *inspector) atInterpreter(p procs.Proc, exe string) (finding, error) {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.PID))
	if err != nil {
		return finding{}, nil
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
	if err != nil {
		return finding{}, nil
	}
	args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
	if interpreters.MatchString(filepath.Base(exe)) {
		if f, name := l.script(p, cwd, args); f != nil {
			defer f.Close()
			return l.judge(f, name)
		}
	} else {
		for _, arg := range args[min(1, len(args)):] {
			_, value, cut := strings.Cut(arg, "=")
			if l.inHead(arg) || cut && l.inHead(value) {
				return finding{evidence: saysHead, file: exe}, nil
			}
		}
	}
	if home := l.app.see(l.head.dir); cwd == home || strings.HasPrefix(cwd, home+"/") {
		return finding{evidence: l.byFolder(p, exe)}, nil
	}
	return finding{evidence: saysUnknown, file: exe}, nil
}

// byFolder is what working in the head's folder is worth: a shell that only waits
// for what it started says nothing, any other program runs what lies there.
func (l *inspector) byFolder(p procs.Proc, exe string) evidence {
	switch filepath.Base(exe) {
	case "sh", "bash", "dash", "busybox", "ash":
		for _, child := range procs.Descendants(p.PID) {
			if child.Parent == p.PID {
				return saysNothing
			}
		}
	}
	return saysHead
}

// script opens the first argument that is a file of the app's. Links are followed
// within the process's own view of the machine only.
func (l *inspector) script(p procs.Proc, cwd string, args []string) (*os.File, string) {
	root, err := os.OpenRoot(fmt.Sprintf("/proc/%d/root", p.PID))
	if err != nil {
		return nil, ""
	}
	defer root.Close()
	for _, arg := range args[min(1, len(args)):] {
		if arg == "" || strings.HasPrefix(arg, "-") || strings.ContainsAny(arg, " \n") {
			continue
		}
		name := arg
		if !filepath.IsAbs(name) {
			name = filepath.Join(cwd, name)
		}
		name = filepath.Clean(name)
		if l.ofSystem(name) {
			continue
		}
		f, err := inside.OpenRegular(root, strings.TrimPrefix(name, "/"))
		if err == nil {
			return f, name
		}
	}
	return nil, ""
}
