// Package local dispatches runs as child processes on this machine.
//
// Each attempt is one process with a session and a folder of its own. The folder
// is the truth: the job lies in it before the process exists, the process stamps
// it with its number and start time before anything else, and appends its events
// to it. So a bridge that was restarted finds its runs again, alive or dead, and
// an attempt that was dispatched twice starts once. The package does not know what
// the process does with the job, and removes nothing but what carries the run's labels.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/bridge/dispatch"
	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
	"seatrial/internal/hidden"
	"seatrial/recipes"
)

// stampGrace is how long a child may take to stamp its folder. It is a fork and
// a few system calls, but the machine may be busy.
const stampGrace = 20 * time.Second

// Config is what a Dispatcher needs.
type Config struct {
	Root     string // the folder that holds every run's folder
	Instance string // put on every label
	Copies   string // the folder of private repositories' copies, which the bridge makes

	Settings dispatch.Settings // of every run
	// Command makes the child for an attempt's folder. It must call Stamp first.
	Command func(folder string) *exec.Cmd
	// Enrolment finds a recipe's settings as they are now.
	Enrolment func(name string) (recipes.Enrolment, bool)
	// Places are searched by Sweep.
	Places []app.Place

	Now func() time.Time
	Log *slog.Logger
}

type Dispatcher struct{ Config }

// New returns a dispatcher over the root folder, which it makes if it is missing.
func New(c Config) (*Dispatcher, error) {
	if err := os.MkdirAll(c.Root, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the runs: %w", err)
	}
	return &Dispatcher{c}, nil
}

func (d *Dispatcher) folder(id run.ID, attempt int) string {
	return dispatch.Folder(d.Root, id, attempt)
}

// Dispatch starts an attempt once: whoever makes its folder starts it.
func (d *Dispatcher) Dispatch(ctx context.Context, r run.Request, attempt int, lease run.Lease) error {
	enrolment, ok := d.Enrolment(r.Recipe)
	if !ok {
		return fmt.Errorf("cannot dispatch run %s: the recipe %s is no longer enrolled", r.ID, r.Recipe)
	}
	job, err := dispatch.NewJob(r, attempt, lease, d.Instance, enrolment).WithDeps(d.Enrolment).WithCopies(d.Copies)
	if err != nil {
		return fmt.Errorf("cannot dispatch run %s: %w", r.ID, err)
	}
	job.Settings = d.Settings
	made, err := Prepare(d.Root, job)
	if err != nil {
		return fmt.Errorf("cannot dispatch run %s: %w", r.ID, err)
	}
	if !made {
		return nil
	}
	if err := d.start(ctx, d.folder(r.ID, attempt)); err != nil {
		return fmt.Errorf("cannot dispatch run %s: %w", r.ID, err)
	}
	return nil
}

// newPrefix begins the name of a folder that is not an attempt's yet.
const newPrefix = ".new-"

// Prepare makes an attempt's folder with the job in it, in one step. It says
// whether it was this call that made it.
func Prepare(root string, job dispatch.Job) (made bool, err error) {
	parent := filepath.Join(root, string(job.Request.ID))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return false, err
	}
	temp, err := os.MkdirTemp(parent, newPrefix+"*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(temp)
	if err := writeJSON(filepath.Join(temp, jobFile), job, atomicfile.Write); err != nil {
		return false, err
	}
	err = os.Rename(temp, dispatch.Folder(root, job.Request.ID, job.Attempt))
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		return false, nil
	}
	return err == nil, err
}

// start starts the child and waits until it has stamped the folder.
func (d *Dispatcher) start(ctx context.Context, folder string) error {
	output, err := os.OpenFile(filepath.Join(folder, outputFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := d.Command(folder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, output, output
	// A session of its own: neither Ctrl-C at the bridge's terminal nor the bridge's
	// end reaches the run.
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	deadline := time.NewTimer(stampGrace)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !exists(filepath.Join(folder, stampFile)) {
		select {
		case <-tick.C:
		case err := <-ended:
			if exists(filepath.Join(folder, stampFile)) {
				return nil // it began, and was quick
			}
			return fmt.Errorf("the harness ended before it began (%v): %s", err, tail(filepath.Join(folder, outputFile)))
		case <-deadline.C:
			_ = cmd.Process.Kill()
			return fmt.Errorf("the harness did not begin within %s", stampGrace)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

const neverBegan = "its harness never began"

// State asks the folder and the process table. An attempt that has not begun in time
// is given up, so that it never will.
func (d *Dispatcher) State(ctx context.Context, id run.ID, attempt int) (dispatch.State, error) {
	folder := d.folder(id, attempt)
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return dispatch.State{Phase: dispatch.Unknown, Detail: "this machine has no record of it"}, nil
	}
	if err != nil {
		return dispatch.State{}, fmt.Errorf("cannot look at run %s: %w", id, err)
	}
	var p process
	err = readJSON(filepath.Join(folder, stampFile), &p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if d.Now().Sub(info.ModTime()) < stampGrace {
			return dispatch.State{Phase: dispatch.Pending}, nil
		}
		err := giveUp(folder)
		if errors.Is(err, fs.ErrExist) {
			return d.State(ctx, id, attempt) // it has begun just now
		}
		if err != nil {
			return dispatch.State{}, fmt.Errorf("cannot give up run %s, whose harness never began: %w", id, err)
		}
		return dispatch.State{Phase: dispatch.Lost, Detail: neverBegan}, nil
	case err != nil:
		return dispatch.State{Phase: dispatch.Lost, Detail: "its record is damaged"}, nil
	case p.PID == 0:
		return dispatch.State{Phase: dispatch.Lost, Detail: neverBegan}, nil
	case p.alive():
		return dispatch.State{Phase: dispatch.Running, Detail: fmt.Sprintf("process %d", p.PID)}, nil
	}
	finished, err := dispatch.SaysFinished(filepath.Join(folder, dispatch.EventsFile), id, attempt)
	if err != nil {
		return dispatch.State{}, fmt.Errorf("cannot look at run %s: %w", id, err)
	}
	if finished {
		return dispatch.State{Phase: dispatch.Complete}, nil
	}
	detail := "its harness ended without a last word"
	if last := tail(filepath.Join(folder, outputFile)); last != "" {
		detail += ": " + last
	}
	return dispatch.State{Phase: dispatch.Lost, Detail: detail}, nil
}

// Stop asks the harness to stop; it tears down by itself.
func (d *Dispatcher) Stop(_ context.Context, id run.ID, attempt int) error {
	return d.signal(id, attempt, unix.SIGTERM)
}

func (d *Dispatcher) signal(id run.ID, attempt int, sig unix.Signal) error {
	var p process
	err := readJSON(filepath.Join(d.folder(id, attempt), stampFile), &p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = p.signal(sig)
	}
	if err != nil {
		return fmt.Errorf("cannot stop run %s: %w", id, err)
	}
	return nil
}

// tail is the end of a text file, on one line, for a sentence. However much was printed,
// no more than the end is read.
func tail(path string) string {
	const longest = 300
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	b, err := io.ReadAll(io.NewSectionReader(file, max(0, info.Size()-longest), longest))
	if err != nil {
		return ""
	}
	return hidden.Line(string(b))
}
