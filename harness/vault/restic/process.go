package restic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"seatrial/internal/tail"
)

// killDelay is how long the streams of a restic that was killed may stay open.
const killDelay = 5 * time.Second

// mostSaid is how much of restic's complaints is kept, from their end.
const mostSaid = 16 << 10

// child is a restic that was started.
type child struct {
	ctx    context.Context
	dir    string // where it writes
	done   chan struct{}
	err    error // when done is closed
	stderr tail.Buffer
}

// start starts restic. It is killed when the context ends, and when this process does.
func start(ctx context.Context, dir string, env []string, in *os.File, out io.Writer, args ...string) (*child, error) {
	path, err := exec.LookPath("restic")
	if err != nil {
		return nil, fmt.Errorf("the program restic is not here: install it (Debian has a package restic), or keep backups with --vault archive: %w", err)
	}
	c := &child{ctx: ctx, dir: dir, done: make(chan struct{}), stderr: tail.Buffer{Max: mostSaid}}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out, &c.stderr
	if in != nil {
		cmd.Stdin = in
	}
	// A Ctrl-C is for us: we end it. The death signal belongs to the thread that starts
	// the child, which therefore stays ours as long as the child lives.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = killDelay
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start restic: %w", err)
	}
	return c, nil
}

// wait says how it ended. It may be called more than once.
func (c *child) wait() error {
	<-c.done
	if c.err == nil {
		return nil
	}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	exit, ok := errors.AsType[*exec.ExitError](c.err)
	if !ok {
		return fmt.Errorf("cannot run restic: %w", c.err)
	}
	err := failure(exit, c.stderr.String())
	if full(c.dir) {
		return fmt.Errorf("%w: %w", err, syscall.ENOSPC)
	}
	return err
}
