// Package procs looks at the processes of this machine.
//
// A process is named by its number and the time of its start together, for as long as the
// machine is up: numbers are used again. A signal reaches exactly the process that was
// named, or none.
package procs

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

// Proc is one process as /proc shows it.
type Proc struct {
	PID, Parent int
	Start       uint64 // clock ticks since the machine's start
	State       byte
}

// Read looks at a process.
func Read(pid int) (Proc, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Proc{}, false
	}
	// The second field is the program's name in parentheses and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return Proc{}, false
	}
	const state, parent, start = 0, 1, 19 // counted after the name
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= start {
		return Proc{}, false
	}
	p := Proc{PID: pid, State: fields[state][0]}
	p.Parent, _ = strconv.Atoi(string(fields[parent]))
	p.Start, err = strconv.ParseUint(string(fields[start]), 10, 64)
	return p, err == nil
}

// All lists every process that we can see.
func All() []Proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var all []Proc
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := Read(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// Descendants lists what lives below a process, at any depth.
func Descendants(of int) []Proc {
	children := map[int][]Proc{}
	for _, p := range All() {
		children[p.Parent] = append(children[p.Parent], p)
	}
	var found []Proc
	seen := map[int]bool{of: true}
	queue := []int{of}
	for len(queue) > 0 {
		for _, child := range children[queue[0]] {
			if seen[child.PID] {
				continue
			}
			seen[child.PID] = true
			queue = append(queue, child.PID)
			if !child.Dead() {
				found = append(found, child)
			}
		}
		queue = queue[1:]
	}
	return found
}

// Dead says that only its parent's attention is missing.
func (p Proc) Dead() bool { return p.State == 'Z' || p.State == 'X' }

// Alive says whether exactly this process lives now.
func (p Proc) Alive() bool {
	now, there := Read(p.PID)
	return there && now.Start == p.Start && !now.Dead()
}

// Signal sends a signal to exactly this process, or to none.
func (p Proc) Signal(sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot find process %d: %w", p.PID, err)
	}
	defer unix.Close(fd)
	// The descriptor holds the number: if the start time fits now, it is the one.
	if now, ok := Read(p.PID); !ok || now.Start != p.Start {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("cannot signal process %d: %w", p.PID, err)
	}
	return nil
}

// CommandLine is what a process was started with, for people; empty for a process
// that is gone.
func (p Proc) CommandLine() string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
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

// CommandLines names processes without their numbers, which change with each run.
func CommandLines(procs []Proc) []string {
	var lines []string
	for _, p := range procs {
		if line := p.CommandLine(); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// InnerPID is a process's number in its innermost namespace.
func (p Proc) InnerPID() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
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
