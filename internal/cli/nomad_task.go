package cli

import (
	"context"
	"os"

	"seatrial/internal/exit"
	"seatrial/internal/perform"
)

// nomadExecutorCommand performs one dispatched run in its allocation. Its verdict is in
// its events; its exit code says only whether it could do its work.
type nomadExecutorCommand struct{}

func (c *nomadExecutorCommand) Run(ctx context.Context, g *Globals, s streams) error {
	a, err := perform.ReadAllocation(os.Environ())
	if err != nil {
		return err
	}
	if err := a.TakeLease(ctx); err != nil {
		return err
	}
	if err := a.ReadSettings(ctx); err != nil {
		return err
	}
	if err := (vaultOptions{Vault: a.Job.Settings.Vault}).check(ctx); err != nil {
		return err
	}
	if err := perform.Records(g.folder()).Write(a.Job.Labels()); err != nil {
		return exit.With(exit.Configuration, err)
	}
	return performAttempt(ctx, a.Folder, perform.Config{
		State: g.folder(), Job: a.Job, Allocation: a, Log: g.logger(s.Err), Follow: printableWriter{s.Out},
	})
}

// nomadTeardownCommand looks after what the executor left on its node: it runs after
// every end of the executor's but the node's own.
type nomadTeardownCommand struct{}

func (c *nomadTeardownCommand) Run(ctx context.Context, g *Globals, s streams) error {
	a, err := perform.ReadAllocation(os.Environ())
	if err != nil {
		return err
	}
	return a.TearDown(ctx, g.folder(), g.logger(s.Err))
}
