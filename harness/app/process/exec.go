package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

// command is one command to run to its end.
type command struct {
	source  string // in the log
	service string // in the environment
	args    []string
	env     []string
	stdin   io.Reader
	text    bool // keep the output's text
}

// result is how a command ended.
type result struct {
	exit message
	tail []string
	text string
}

// runCommand runs a command in an instance. When ctx is done, the command's process
// group is killed.
func (a *App) runCommand(ctx context.Context, in *instance, c command) (result, error) {
	out, write, err := newOutput(c.text, func(line string) { a.log(c.source, line) })
	if err != nil {
		return result{}, err
	}
	defer out.close()
	defer write.Close()
	stdin, err := devNull()
	if err != nil {
		return result{}, err
	}
	defer func() { stdin.Close() }()
	if c.stdin != nil {
		read, _, stop, err := feed(c.stdin)
		if err != nil {
			return result{}, err
		}
		defer stop()
		stdin.Close()
		stdin = read
	}
	t, err := in.supervisor.spawn(ctx, spawn{
		Args: c.args,
		Env:  a.environment(c.service, in.view, in.port, c.env),
		Dir:  a.see(in.view.release),
		UID:  a.uid(),
	}, stdin, write, write)
	write.Close()
	stdin.Close()
	if err != nil {
		return result{}, err
	}
	exit, err := t.wait(ctx)
	out.drain()
	return result{exit: exit, tail: out.tail(), text: out.kept()}, err
}

// wait waits for a task's end, and makes it end when ctx is done.
func (t *task) wait(ctx context.Context) (message, error) {
	select {
	case m := <-t.exit:
		return m, nil
	case <-ctx.Done():
		t.kill()
		return message{}, ctx.Err()
	case <-t.supervisor.lost:
		select {
		case m := <-t.exit:
			return m, nil
		default:
			return message{}, errSupervisorLost
		}
	}
}

// Exec implements app.Execer. While the app is stopped, the command has a sandbox
// of its own, and what it leaves running ends with it.
func (a *App) Exec(ctx context.Context, c app.Command) (app.Result, error) {
	args := c.Args
	if c.Shell != "" {
		args = []string{"/bin/sh", "-c", c.Shell}
	}
	if len(args) == 0 {
		return app.Result{}, errors.New("cannot run a command in the app: it is empty")
	}
	d := a.deployed()
	if d == nil {
		return app.Result{}, errors.New("cannot run a command in the app: nothing is deployed")
	}
	if c.Service != "" && !slices.ContainsFunc(d.procfile.services, func(l procLine) bool { return l.name == c.Service }) {
		return app.Result{}, fmt.Errorf("cannot run a command in the app: the Procfile has no service %q", c.Service)
	}
	in := a.instance()
	if in == nil {
		var err error
		if in, err = a.temporary(ctx, d); err != nil && ctx.Err() != nil { // that is why it did not come up
			return app.Result{}, fmt.Errorf("cannot run a command in the app: %w", ctx.Err())
		}
		if err != nil {
			return app.Result{}, err
		}
		defer in.supervisor.close()
	}
	ended, err := a.runCommand(ctx, in, command{source: "hook", service: "hook", args: args, stdin: c.Stdin, text: true})
	if err != nil {
		return app.Result{}, in.blame("a command in the app", fmt.Errorf("cannot run a command in the app: %w", err))
	}
	code := ended.exit.Code
	if ended.exit.Signal != 0 {
		const signalled = 128 // as shells count
		code = signalled + ended.exit.Signal
	}
	return app.Result{ExitCode: code, Output: ended.text}, nil
}

// temporary is an instance without services.
func (a *App) temporary(ctx context.Context, d *deployed) (*instance, error) {
	g, err := a.group(groupApp)
	if err != nil {
		return nil, err
	}
	port, err := a.choosePort()
	if err != nil {
		return nil, err
	}
	in := &instance{group: g, before: g.hits(), port: port, view: view{release: d.dir, volumes: true, home: "home", tmp: "tmp"}}
	in.supervisor, err = a.startSupervisor(ctx, in.view, g)
	return in, err
}

// runTool runs one of this program's tools as the app's user, where the app's files
// are but not the app's processes. What the tool could not keep is listed.
func (a *App) runTool(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) (notKept []string, err error) {
	w, err := a.takeWorker(ctx)
	if err != nil {
		return nil, err
	}
	reusable := false
	defer func() {
		if reusable {
			a.putBack(w)
		} else {
			w.close()
		}
	}()
	in, err := devNull()
	if err != nil {
		return nil, err
	}
	defer func() { in.Close() }()
	if stdin != nil {
		read, _, stop, err := feed(stdin)
		if err != nil {
			return nil, err
		}
		defer stop()
		in.Close()
		in = read
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outRead.Close()
	defer outWrite.Close()
	said, errWrite, err := newOutput(true, func(string) {})
	if err != nil {
		return nil, err
	}
	defer said.close()
	defer errWrite.Close()
	err = w.do(args, in, outWrite, errWrite)
	outWrite.Close()
	errWrite.Close()
	in.Close()
	if err != nil {
		return nil, fmt.Errorf("cannot reach the app's tools: %w", err)
	}
	stop := context.AfterFunc(ctx, w.kill)
	defer stop()
	_, copyErr := io.Copy(stdout, outRead)
	if copyErr != nil {
		w.kill()
		outRead.Close()
	}
	exit, alive, err := w.done(ctx)
	if err = errors.Join(copyErr, err); err != nil {
		return nil, err
	}
	reusable = alive && stop() // else it is being killed
	said.drain()
	if err := inside.ToolError(exit.Code, exit.Signal, said.kept()); err != nil {
		return nil, err
	}
	return inside.ToolLines(said.kept()), nil
}
