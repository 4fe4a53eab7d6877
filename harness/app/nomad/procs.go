package nomad

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// proc is one process of this machine. Number and start time together name it.
type proc struct {
	pid   int
	start uint64 // in ticks since the machine was started
	state byte
}

// processesOf lists the processes of an allocation on this node, the oldest first: of
// one task, or of all for an empty name. A process is told by its control group, which
// it cannot leave, and by the environment that Nomad gave it, for a driver that uses
// groups of its own.
func processesOf(allocation, task string) []proc {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []proc
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, ok := readProc(pid)
		if ok && p.state != 'Z' && p.state != 'X' && belongs(pid, allocation, task) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(x, y proc) int {
		if x.start != y.start {
			return int(int64(x.start) - int64(y.start))
		}
		return x.pid - y.pid
	})
	return found
}

func belongs(pid int, allocation, task string) bool {
	// Nomad's own helpers for a task are in no group of it and have not its variables.
	groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range bytes.Lines(groups) {
		_, after, ok := strings.Cut(string(line), allocation+".")
		name, _, _ := strings.Cut(strings.TrimSpace(after), "/")
		if ok && (task == "" || strings.TrimSuffix(name, ".scope") == task) {
			return true
		}
	}
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	vars := "\x00" + string(environ)
	return strings.Contains(vars, "\x00NOMAD_ALLOC_ID="+allocation+"\x00") && (task == "" || strings.Contains(vars, "\x00NOMAD_TASK_NAME="+task+"\x00"))
}

func readProc(pid int) (proc, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proc{}, false
	}
	// The second field is the program's name in parentheses and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	const state, start = 0, 19 // counted after the name
	fields := bytes.Fields(stat[max(end, 0)+1:])
	if end < 0 || len(fields) <= start {
		return proc{}, false
	}
	p := proc{pid: pid, state: fields[state][0]}
	p.start, err = strconv.ParseUint(string(fields[start]), 10, 64)
	return p, err == nil
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

// commandLines are what processes were started with, for people.
func commandLines(procs []proc) []string {
	var lines []string
	for _, p := range procs {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		if err != nil || len(raw) == 0 {
			continue
		}
		const most = 200
		line := strings.TrimSpace(strings.ReplaceAll(string(raw[:min(len(raw), most)]), "\x00", " "))
		if line = strings.ToValidUTF8(line, "\uFFFD"); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
