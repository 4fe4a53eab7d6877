package process

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"seatrial/harness/app/inside"
)

// innerEnv says which inner part a copy of this program plays.
const innerEnv = inside.PartEnv

// The inner parts.
const (
	innerSupervise = "supervise"
	innerTool      = inside.PartTool
	innerWorker    = "worker"
	innerNothing   = "nothing" // to see whether a sandbox can be had
)

// Main plays the inner part that the environment asks for and exits, or returns
// at once where none is asked for. Call it first in main, and in TestMain.
//
// It exits past whatever a detector of races or a coverage report does at the end of
// a program: nothing here waits for that, and a stop is timed.
func Main() {
	part := os.Getenv(innerEnv)
	if part == "" {
		return
	}
	os.Unsetenv(innerEnv)
	heedSignals()
	switch part {
	case innerNothing:
		syscall.Exit(0)
	case innerSupervise:
		if err := supervise(); err != nil {
			fmt.Fprintln(os.Stderr, "supervisor:", err)
			syscall.Exit(1)
		}
		syscall.Exit(0)
	case innerWorker:
		if err := work(); err != nil {
			syscall.Exit(1) // the harness sees it in the socket
		}
		syscall.Exit(0)
	case innerTool:
		syscall.Exit(inside.Tool(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	default:
		fmt.Fprintf(os.Stderr, "%s=%q is not a part of this program\n", innerEnv, part)
		syscall.Exit(64)
	}
}

// heedSignals undoes what nohup and its kin pass on: an app must meet the signals that
// any service meets. What is caught here is back to its default in what we start.
func heedSignals() {
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// lastSignal is the last of the signals that have a meaning of their own.
const lastSignal = syscall.SIGSYS
