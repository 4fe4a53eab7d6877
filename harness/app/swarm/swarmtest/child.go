package swarmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// child is a process with a log.
type child struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when it has
}

func start(cmd *exec.Cmd, log string) (*child, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = file
	}
	cmd.Stderr = file
	// A person's Ctrl-C is for the starter, which then stops its children in order.
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd, log, make(chan struct{})}
	go func() {
		defer close(c.ended)
		_, _ = cmd.Process.Wait()
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// end signals, and kills what does not heed it in time.
func (c *child) end(sig unix.Signal) {
	_ = c.cmd.Process.Signal(sig)
	const grace = 30 * time.Second
	select {
	case <-c.ended:
	case <-time.After(grace):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// lastWords is the end of its log.
func (c *child) lastWords() string {
	const most = 600
	text, err := os.ReadFile(c.log)
	if err != nil {
		return "it left no log"
	}
	said := strings.Join(strings.Fields(string(text)), " ")
	return said[max(0, len(said)-most):]
}

// await asks until it is so, the process has ended, or patience has.
func (c *child) await(ctx context.Context, what string, so func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bootPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := so(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return fmt.Errorf("it ended at once: %s", c.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting for %s: last seen %w; it said: %s", what, err, c.lastWords())
		}
	}
}
