package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	"seatrial/harness/run"
)

// Exit codes. docs/reference/exit-codes.md lists them.
const (
	exitPass          = 0
	exitFail          = 1
	exitUnverified    = 2
	exitUsage         = 64 // wrong use of the command line
	exitUnavailable   = 69 // something outside is unavailable: a port, a forge, a program
	exitSoftware      = 70 // our own fault
	exitConfiguration = 78
)

// exitError carries an exit code up to main.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitWith(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code, err}
}

// verdictError ends a command whose output has said everything already.
type verdictError struct{ code int }

func (e verdictError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

func verdictExit(v run.Verdict) error {
	switch v {
	case run.VerdictPass:
		return nil
	case run.VerdictFail:
		return verdictError{exitFail}
	}
	return verdictError{exitUnverified}
}

// report prints what ended a command and returns the exit code.
func report(w io.Writer, err error) int {
	var verdict verdictError
	var coded *exitError
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &verdict):
		return verdict.code
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "seatrial: interrupted")
		return exitUnverified
	case errors.As(err, &coded):
		fmt.Fprintf(w, "seatrial: %v\n", err)
		return coded.code
	}
	fmt.Fprintf(w, "seatrial: %v\n", err)
	if isDisk(err) {
		return exitConfiguration // not our fault, and said by what could not be written
	}
	return exitSoftware
}

// isDisk says whether a disk is full, read-only, or not ours to write to.
func isDisk(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

// Globals are the options of every command.
type Globals struct {
	Version  string `kong:"-"`
	State    string `help:"Folder of the journal, the runs' files and caches. Default: /var/lib/seatrial for root, else seatrial in $XDG_STATE_HOME or in ~/.local/state." default:"${state}" placeholder:"DIR"`
	LogLevel string `help:"Log what is at least this important, to standard error: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
	LogJSON  bool   `name:"log-json" help:"Log JSON lines even to a terminal. Elsewhere the log is JSON lines anyway."`
}

// defaultState is where the state lies unless --state says otherwise.
func defaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/seatrial"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "seatrial")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "seatrial-state"
	}
	return filepath.Join(home, ".local", "state", "seatrial")
}

// logger writes for people on a terminal, else JSON lines.
func (g Globals) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(g.LogLevel)) // kong has checked it
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) && !g.LogJSON {
		return slog.New(tint.NewHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// stateDir makes a folder of the state folder.
func (g Globals) stateDir(name string, mode os.FileMode) (string, error) {
	// Others may pass through, so that the app's user reaches the folders that are
	// its own; they may not list.
	root, err := filepath.Abs(g.State)
	if err == nil {
		err = os.MkdirAll(root, 0o711)
	}
	dir := filepath.Join(root, name)
	if err == nil {
		err = os.MkdirAll(dir, mode)
	}
	if err != nil {
		return "", exitWith(exitConfiguration, fmt.Errorf("cannot use the state folder: %w (choose another with --state)", err))
	}
	return dir, nil
}
