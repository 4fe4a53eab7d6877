package swarm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Freeze implements app.Freezer: every container of the stack is paused. The engine asks
// no healthcheck meanwhile. A stopped app stands still already.
func (a *App) Freeze(ctx context.Context) (func() error, error) {
	d, stopped := a.state()
	if d == nil || stopped {
		return func() error { return nil }, nil
	}
	list, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	var held []string
	thaw := sync.OnceValue(func() error {
		var all error
		for _, id := range held {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
			_, err := a.cfg.Engine.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
			cancel()
			if err != nil && !notFound(err) && !cerrdefs.IsConflict(err) {
				all = errors.Join(all, fmt.Errorf("cannot thaw the app: %w", err))
			}
		}
		return all
	})
	for _, c := range list {
		if _, err := a.cfg.Engine.ContainerPause(ctx, c.id, client.ContainerPauseOptions{}); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot freeze %s: %w", c.service, err), thaw())
		}
		held = append(held, c.id)
	}
	a.mu.Lock()
	a.frozen = thaw
	a.mu.Unlock()
	return thaw, nil
}

// thaw lets go of what was frozen and not thawed: what stands still heeds no signal.
func (a *App) thaw() error {
	a.mu.Lock()
	thaw := a.frozen
	a.frozen = nil
	a.mu.Unlock()
	if thaw == nil {
		return nil
	}
	return thaw()
}
