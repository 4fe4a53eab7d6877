package loaded

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"seatrial/internal/procs"
)

// part is a file that a process executes or loads, or a folder that its code comes from.
type part struct {
	path string // as the process sees it, links followed
	sure bool   // it is executed, whatever it looks like
	file *os.File
}

// view is a process's own view of the machine.
type view struct {
	proc procs.Proc
	root *os.File
}

func (v view) link(name string) (string, bool) {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", v.proc.PID, name))
	return strings.TrimSuffix(target, " (deleted)"), err == nil && path.IsAbs(target)
}

// open opens a file or folder and says what it is called without links, which cannot lead
// out of the view. It opens nothing else.
func (v view) open(name string) (*os.File, string, bool) {
	const follow = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	fd, err := unix.Openat2(int(v.root.Fd()), strings.TrimLeft(name, "/"), &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: follow})
	if err != nil {
		return nil, "", false
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG && stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil, "", false
	}
	at := fmt.Sprintf("/proc/self/fd/%d", fd)
	real, err := os.Readlink(at)
	if err != nil {
		return nil, "", false
	}
	f, err := os.Open(at)
	return f, real, err == nil
}

// parts is what a process consists of, as far as it shows. The caller closes the files.
// A process that has ended in the meantime consists of nothing.
func parts(p procs.Proc) []part {
	root, err := os.Open(fmt.Sprintf("/proc/%d/root", p.PID))
	if err != nil {
		return nil
	}
	defer root.Close()
	v := view{p, root}
	exe, ok := v.link("exe")
	if !ok {
		return nil
	}
	var all []part
	if f, err := os.Open(fmt.Sprintf("/proc/%d/exe", p.PID)); err == nil {
		all = append(all, part{path: exe, sure: true, file: f})
	}
	mapped := v.mapped(exe)
	for i, name := range append(mapped, v.held(exe)...) {
		if f, real, ok := v.open(name); ok {
			all = append(all, part{path: real, sure: i < len(mapped), file: f})
		}
	}
	if now, ok := procs.Read(p.PID); !ok || now.Start != p.Start {
		for _, one := range all { // its number is another's
			one.file.Close()
		}
		return nil
	}
	return append(all, v.interpreted(exe)...)
}

// mapped lists the files that a process has in its memory to be executed.
func (v view) mapped(exe string) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", v.proc.PID))
	if err != nil {
		return nil
	}
	var found []string
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		const permissions, name = 1, 5
		fields := strings.SplitN(lines.Text(), " ", name+1)
		if len(fields) <= name || !strings.Contains(fields[permissions], "x") {
			continue
		}
		file := strings.TrimSuffix(strings.TrimLeft(fields[name], " "), " (deleted)")
		if path.IsAbs(file) && file != exe && !slices.Contains(found, file) {
			found = append(found, file)
		}
	}
	return found
}

// held lists the code that a process has open to read: archives of it, the script of a
// shell, and what an interpreter is fed.
func (v view) held(exe string) []string {
	dir := fmt.Sprintf("/proc/%d/fd", v.proc.PID)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		name, ok := v.link("fd/" + e.Name())
		fed := e.Name() == "0" && interpreters.MatchString(path.Base(exe))
		if !ok || !fed && !codeNames.MatchString(name) || strings.HasPrefix(name, "/dev/") {
			continue
		}
		// To be written to, it is data.
		if mode, err := os.Lstat(path.Join(dir, e.Name())); err == nil && mode.Mode()&0o200 == 0 {
			found = append(found, name)
		}
	}
	return found
}
