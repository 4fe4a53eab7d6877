package nomad

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/internal/tail"
)

// mostKept is how much of a command's output is kept, from its end.
const mostKept = 64 << 10

// Exec implements app.Execer. While the app runs, the command runs in the task; while
// it is stopped, in a task like it that does nothing else: see idle. Output and errors
// come in the order in which they were written for a Shell; for Args, which need no
// shell where they run, each by itself.
func (a *App) Exec(ctx context.Context, c app.Command) (app.Result, error) {
	fail := func(err error) (app.Result, error) {
		return app.Result{}, fmt.Errorf("cannot run a command in the app: %w", err)
	}
	args := c.Args
	if c.Shell != "" {
		args = []string{"/bin/sh", "-c", "exec 2>&1\n" + c.Shell}
	}
	if len(args) == 0 {
		return fail(errors.New("it is empty"))
	}
	d, up := a.state()
	if d == nil {
		return fail(errors.New("nothing is deployed"))
	}
	where, ok := find(d, c.Service)
	if !ok {
		return fail(fmt.Errorf("%s has no task %q", d.file, c.Service))
	}
	var alloc *api.Allocation
	if up != nil {
		s, err := a.allocationOf(ctx, up, where.group)
		if err != nil {
			return fail(err)
		}
		if alloc, _, err = a.cfg.Client.Allocations().Info(s.ID, a.query(ctx)); err != nil {
			return fail(cluster.Explain("find the task", err))
		}
	} else {
		var done func() error
		var err error
		alloc, done, err = a.idle(ctx, d, where)
		if err != nil {
			return fail(err)
		}
		defer func() {
			if err := done(); err != nil {
				a.logs.Say("hook", err.Error())
			}
		}()
	}
	return a.execIn(ctx, alloc, where.task, args, c.Stdin)
}

func (a *App) execIn(ctx context.Context, alloc *api.Allocation, task string, args []string, stdin io.Reader) (app.Result, error) {
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	out := commandOutput{end: tail.Buffer{Max: mostKept}, lines: app.Lines{Say: func(line string) { a.logs.Say("hook", line) }}}
	code, err := a.cfg.Client.Allocations().Exec(ctx, alloc, task, false, args, stdin, &out, &out, nil, a.query(ctx))
	said := out.finish()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return app.Result{}, fmt.Errorf("cannot run a command in the app: %w", err)
	}
	return app.Result{ExitCode: code, Output: said}, nil
}

// commandOutput takes what a command prints: into the log, and the end of it as its answer.
// It may be written to from several goroutines, and not any more when it was finished.
type commandOutput struct {
	mu    sync.Mutex
	end   tail.Buffer
	lines app.Lines
	done  bool
}

func (o *commandOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return len(p), nil
	}
	_, _ = o.lines.Write(p)
	return o.end.Write(p)
}

func (o *commandOutput) finish() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = true
	o.lines.Flush()
	return o.end.String()
}
