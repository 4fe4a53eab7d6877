package local

import (
	"golang.org/x/sys/unix"

	"seatrial/internal/procs"
)

// process names a process for as long as this machine is up: numbers are used
// again, but not together with a start time.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since the machine's start: field 22 of proc(5)'s stat
}

func (p process) proc() procs.Proc { return procs.Proc{PID: p.PID, Start: p.Start} }

func (p process) alive() bool { return p.proc().Alive() }

// signal sends a signal to exactly this process, or to none: it may have been given up
// before there was one.
func (p process) signal(sig unix.Signal) error {
	if !p.alive() {
		return nil
	}
	return p.proc().Signal(sig)
}
