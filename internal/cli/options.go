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
	"seatrial/internal/exit"
	"seatrial/internal/state"
)

// verdictError ends a command whose output has said everything already.
type verdictError struct{ code int }

func (e verdictError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

func verdictExit(v run.Verdict) error {
	switch v {
	case run.VerdictPass:
		return nil
	case run.VerdictFail:
		return verdictError{exit.Fail}
	}
	return verdictError{exit.Unverified}
}

// report prints what ended a command and returns the exit code.
func report(w io.Writer, err error) int {
	var verdict verdictError
	var coded *exit.Error
	switch {
	case err == nil:
		return exit.Pass
	case errors.As(err, &verdict):
		return verdict.code
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "seatrial: interrupted")
		return exit.Unverified
	case errors.As(err, &coded):
		fmt.Fprintf(w, "seatrial: %v\n", err)
		return coded.Code
	}
	fmt.Fprintf(w, "seatrial: %v\n", err)
	if isDisk(err) {
		return exit.Configuration // not our fault, and said by what could not be written
	}
	return exit.Software
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

// folder is the state folder.
func (g Globals) folder() state.Folder { return state.Folder(g.State) }

// logger writes for people on a terminal, else JSON lines.
func (g Globals) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(g.LogLevel)) // kong has checked it
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) && !g.LogJSON {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}
