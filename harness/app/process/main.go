package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"seatrial/harness/app/process/inside"
)

// innerEnv says which inner part a copy of this program plays.
const innerEnv = "SEATRIAL_INNER"

// The inner parts.
const (
	innerSupervise = "supervise"
	innerTool      = "tool"
	innerNothing   = "nothing" // to see whether a sandbox can be had
)

// exitNotExist is how the get tool says that there is no such file.
const exitNotExist = 3

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
	case innerTool:
		err := tool(context.Background(), os.Args[1:], os.Stdin, os.Stdout)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			if errors.Is(err, fs.ErrNotExist) {
				syscall.Exit(exitNotExist)
			}
			syscall.Exit(1)
		}
		syscall.Exit(0)
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

// sqlQuestion is what the sql tool reads.
type sqlQuestion struct {
	File       string   `json:"file"`
	Statements []string `json:"statements"`
}

// tool does one thing to the app's files, as the app's user.
func tool(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) < 1 {
		return errors.New("no tool was named")
	}
	switch verb, rest := args[0], args[1:]; {
	case verb == "tar-out" && len(rest) == 1:
		return inside.Export(rest[0], out)
	case verb == "tar-in" && len(rest) == 1:
		return inside.Import(rest[0], in)
	case verb == "put" && len(rest) == 2:
		return inside.Put(rest[0], rest[1], in)
	case verb == "get" && len(rest) == 2:
		return inside.Get(rest[0], rest[1], out)
	case verb == "databases":
		found := map[string][]string{}
		for _, dir := range rest {
			names, err := inside.Databases(dir)
			if err != nil {
				return fmt.Errorf("cannot look for databases in %s: %w", dir, err)
			}
			found[dir] = names
		}
		return json.NewEncoder(out).Encode(found)
	case verb == "sql" && len(rest) == 0:
		var question sqlQuestion
		if err := json.NewDecoder(in).Decode(&question); err != nil {
			return fmt.Errorf("cannot read the statements: %w", err)
		}
		rows, err := inside.SQL(ctx, question.File, question.Statements)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(rows)
	default:
		return fmt.Errorf("there is no tool %q with %d arguments", verb, len(rest))
	}
}
