package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"seatrial/bridge/dispatch/local"
	"seatrial/internal/perform"
)

// harnessCommand is what the local dispatcher starts, once an attempt. Its verdict
// is in its events; its exit code says only whether it could do its work.
type harnessCommand struct {
	Folder string `arg:"" help:"The attempt's folder."`
}

func (c *harnessCommand) Run(ctx context.Context, g *Globals, s streams) error {
	// First of all: from here on the attempt is known to run in this process.
	if err := local.Stamp(c.Folder); err != nil {
		return err
	}
	job, err := local.ReadJob(c.Folder)
	if err != nil {
		return err
	}
	return performAttempt(ctx, c.Folder, perform.Config{State: g.folder(), Job: job, Log: g.logger(s.Err)})
}

// performAttempt performs an attempt that somebody dispatched. That it was stopped is
// no error: it was asked for.
func performAttempt(ctx context.Context, folder string, c perform.Config) error {
	c.Isolate, c.Secrets = true, perform.SecretsOf(os.Environ())
	p, err := perform.New(ctx, c)
	if err != nil {
		return err
	}
	if _, err := p.Perform(ctx, folder); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run %s, attempt %d: %w", c.Job.Request.ID, c.Job.Attempt, err)
	}
	return nil
}
