package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"seatrial/harness/app/inside"
)

// worker is a process in the toolbox that does one tool's work after the other, since a
// start of this program costs more than most tools. Whoever has taken one has it alone, and
// kills it where the work must end: nobody else's ends with it.
type worker struct {
	*task
	control *control
}

// takeWorker takes the worker that waits, or starts one.
func (a *App) takeWorker(ctx context.Context) (*worker, error) {
	s, err := a.toolbox(ctx)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	w := a.idle
	a.idle = nil
	a.mu.Unlock()
	if w != nil && w.supervisor == s && len(w.exit) == 0 {
		return w, nil
	}
	w.close()
	ours, theirs, err := controlPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	none, err := devNull()
	if err != nil {
		ours.close()
		return nil, err
	}
	defer none.Close()
	t, err := s.spawn(ctx, a.workerSpawn(), theirs, none, none)
	if err != nil {
		ours.close()
		return nil, err
	}
	return &worker{t, ours}, nil
}

// putBack keeps a worker for the next tool. One is enough: tools hardly ever overlap.
func (a *App) putBack(w *worker) {
	a.mu.Lock()
	a.idle, w = w, a.idle
	a.mu.Unlock()
	w.close()
}

// close has the worker end; nil has ended.
func (w *worker) close() {
	if w != nil {
		_ = w.control.close()
	}
}

// do starts a tool's work. The files are standard input, output and error.
func (w *worker) do(args []string, files ...*os.File) error {
	return w.control.send(message{Op: opSpawn, Spawn: &spawn{Args: args}}, files...)
}

// done waits for its end. reusable says that the worker can do more; else it has ended.
func (w *worker) done(ctx context.Context) (exit message, reusable bool, err error) {
	m, err := w.control.receive()
	m.closeFiles()
	if err == nil && m.Op == opExit {
		return m.message, true, nil
	}
	exit, err = w.wait(ctx)
	return exit, false, err
}

// work is the worker: it ends when the harness has no more for it.
func work() error {
	c, err := newControl(os.Stdin)
	if err != nil {
		return err
	}
	for {
		m, err := c.receive()
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Op != opSpawn || m.Spawn == nil || len(m.files) != maxFiles {
			return fmt.Errorf("%q is not a tool's work", m.Op)
		}
		exit := message{Op: opExit, Code: m.do()}
		m.closeFiles() // what was written ends before it is told
		if err := c.send(exit); err != nil {
			return nil // the harness is gone
		}
	}
}

// do is one tool's work. If it dies of it, the process's last words are the tool's.
func (r received) do() (code int) {
	quiet, err := unix.Dup(int(os.Stderr.Fd()))
	if err != nil {
		return 1
	}
	defer unix.Close(quiet)
	_ = unix.Dup3(int(r.files[2].Fd()), int(os.Stderr.Fd()), 0)
	defer func() { _ = unix.Dup3(quiet, int(os.Stderr.Fd()), 0) }()
	return inside.Tool(context.Background(), r.Spawn.Args, r.files[0], r.files[1], r.files[2])
}
