package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// proc is one process as /proc shows it. Number and start time together name it
// for as long as the machine is up.
type proc struct {
	pid, parent int
	start       uint64
	state       byte
}

// dead says that only its parent's attention is missing.
func (p proc) dead() bool { return p.state == 'Z' || p.state == 'X' }

func readProc(pid int) (proc, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proc{}, false
	}
	// The second field is the program's name in parentheses and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return proc{}, false
	}
	const state, parent, start = 0, 1, 19 // counted after the name
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= start {
		return proc{}, false
	}
	p := proc{pid: pid, state: fields[state][0]}
	p.parent, _ = strconv.Atoi(string(fields[parent]))
	p.start, _ = strconv.ParseUint(string(fields[start]), 10, 64)
	return p, true
}

// processes lists every process that we can see.
func processes() []proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var all []proc
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := readProc(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// descendants lists what lives below a process, at any depth.
func descendants(of int) []proc {
	children := map[int][]proc{}
	for _, p := range processes() {
		children[p.parent] = append(children[p.parent], p)
	}
	var found []proc
	seen := map[int]bool{of: true}
	queue := []int{of}
	for len(queue) > 0 {
		for _, child := range children[queue[0]] {
			if seen[child.pid] {
				continue
			}
			seen[child.pid] = true
			queue = append(queue, child.pid)
			if !child.dead() {
				found = append(found, child)
			}
		}
		queue = queue[1:]
	}
	return found
}

// marked lists the processes whose environment matches.
func marked(matches func(environ []byte) bool) []proc {
	var found []proc
	self := os.Getpid()
	for _, p := range processes() {
		if p.dead() || p.pid == self {
			continue
		}
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if err == nil && matches(environ) {
			found = append(found, p)
		}
	}
	return found
}

// signal sends a signal to exactly this process, or to none.
func (p proc) signal(sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot find process %d: %w", p.pid, err)
	}
	defer unix.Close(fd)
	// The descriptor holds the number: if the start time fits now, it is the one.
	if now, ok := readProc(p.pid); !ok || now.start != p.start {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("cannot signal process %d: %w", p.pid, err)
	}
	return nil
}

// killAll kills what list finds, again and again until it finds nothing: what is
// killed may have started something in the meantime. It says what is left.
func killAll(list func() []proc, limit time.Duration) []proc {
	const again = 10 * time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(again) {
		left := list()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		for _, p := range left { // first hold all still, so that none starts another
			_ = p.signal(unix.SIGSTOP)
		}
		for _, p := range left {
			_ = p.signal(unix.SIGKILL)
		}
	}
}

func killDescendants(of int, limit time.Duration) []proc {
	return killAll(func() []proc { return descendants(of) }, limit)
}

// commandLine is what a process was started with, for people; empty for a process
// that is gone.
func (p proc) commandLine() string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	if err != nil {
		return ""
	}
	const most = 200
	line := strings.ToValidUTF8(strings.TrimSpace(strings.ReplaceAll(string(raw), "\x00", " ")), "\uFFFD")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// commandLines names processes without their numbers, which change with each run.
func commandLines(procs []proc) []string {
	var lines []string
	seen := map[string]bool{}
	for _, p := range procs {
		if line := p.commandLine(); line != "" && !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	return lines
}

// innerPID is a process's number in its innermost name space.
func (p proc) innerPID() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(numbers)
			if len(fields) == 0 {
				return 0
			}
			pid, _ := strconv.Atoi(fields[len(fields)-1])
			return pid
		}
	}
	return 0
}
