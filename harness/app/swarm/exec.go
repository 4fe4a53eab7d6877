package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/internal/tail"
)

// maxOutput is how much of a command's output is kept: its end.
const maxOutput = 64 << 10

// Exec implements app.Execer: in the service's container, or, while the app is stopped,
// in one that is made for the command, with the service's image, environment, volumes,
// configs and secrets.
func (a *App) Exec(ctx context.Context, c app.Command) (app.Result, error) {
	d, stopped := a.state()
	if d == nil {
		return app.Result{}, errors.New("cannot run a command: nothing is deployed")
	}
	args := c.Args
	if c.Shell != "" {
		// Both streams in one, or their lines would come in any order.
		args = []string{"sh", "-c", "exec 2>&1\n" + c.Shell}
	}
	if len(args) == 0 {
		return app.Result{}, errors.New("cannot run a command: none was given")
	}
	lines := app.Lines{Say: func(line string) { a.logs.Say("hook", line) }}
	defer lines.Flush()
	out := tail.Buffer{Max: maxOutput}
	both := io.MultiWriter(&out, &lines)
	var code int
	var err error
	if stopped {
		code, err = a.runAlone(ctx, d, c.Service, args, c.Stdin, both)
	} else {
		var id string
		if id, err = a.containerOf(ctx, c.Service); err != nil {
			return app.Result{}, err
		}
		code, err = a.execIn(ctx, id, args, nil, c.Stdin, both, both)
	}
	return app.Result{ExitCode: code, Output: out.String()}, err
}

// notStarted is what a shell says of a program that it cannot find, and Docker by an error.
const notStarted = 127

// execIn runs a command in a running container. When the context ends, so does the command.
func (a *App) execIn(ctx context.Context, id string, args []string, env map[string]string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	fail := func(err error) (int, error) {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, fmt.Errorf("cannot run %s: %w", clip(args[0]), err)
	}
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	made, err := a.cfg.Engine.ExecCreate(ctx, id, client.ExecCreateOptions{
		Cmd: args, Env: environ, AttachStdin: stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return fail(err)
	}
	attached, err := a.cfg.Engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return fail(err)
	}
	defer attached.Close()
	err = pump(ctx, attached.HijackedResponse, stdin, stdout, stderr)
	// The context of the command may be over; whether the command is, must be known.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
	defer cancel()
	ended, inspectErr := a.cfg.Engine.ExecInspect(after, made.ID, client.ExecInspectOptions{})
	for deadline := time.Now().Add(time.Second); inspectErr == nil && ended.Running && ctx.Err() == nil && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
		ended, inspectErr = a.cfg.Engine.ExecInspect(after, made.ID, client.ExecInspectOptions{})
	}
	if inspectErr == nil && ended.Running && ended.PID > 1 {
		_ = unix.Kill(ended.PID, unix.SIGKILL)
	}
	switch {
	case ctx.Err() != nil:
		return fail(ctx.Err())
	case err != nil:
		return fail(err)
	case inspectErr != nil:
		return fail(inspectErr)
	}
	return ended.ExitCode, nil
}

// pump passes input in and output out until the command ends.
func pump(ctx context.Context, conn client.HijackedResponse, stdin io.Reader, stdout, stderr io.Writer) error {
	stop := context.AfterFunc(ctx, conn.Close)
	defer stop()
	if stdin != nil {
		go func() {
			_, _ = io.Copy(conn.Conn, stdin)
			_ = conn.CloseWrite()
		}()
	}
	_, err := stdcopy.StdCopy(stdout, stderr, conn.Reader)
	return err
}
