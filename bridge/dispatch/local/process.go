package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// process names a process for as long as this machine is up: numbers are used
// again, but not together with a start time.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since the machine's start: field 22 of proc(5)'s stat
}

var errNoProcess = errors.New("no such process")

// startTime reads when a process started. A zombie does not count as a process.
func startTime(pid int) (uint64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errNoProcess
	}
	// The second field is the program's name in parentheses and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, fmt.Errorf("cannot read the state of process %d", pid)
	}
	const stateField, startField = 0, 19 // counted after the name
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= startField {
		return 0, fmt.Errorf("cannot read the state of process %d", pid)
	}
	if state := fields[stateField][0]; state == 'Z' || state == 'X' {
		return 0, errNoProcess
	}
	return strconv.ParseUint(string(fields[startField]), 10, 64)
}

func (p process) alive() bool {
	start, err := startTime(p.PID)
	return err == nil && start == p.Start
}

// signal sends a signal to exactly this process, or to none.
func (p process) signal(sig unix.Signal) error {
	if p.PID <= 0 {
		return nil // given up before there was one
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot find process %d: %w", p.PID, err)
	}
	defer unix.Close(fd)
	// The descriptor holds the number: what is alive now stays the same process.
	if !p.alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("cannot signal process %d: %w", p.PID, err)
	}
	return nil
}
