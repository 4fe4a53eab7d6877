package swarm

import (
	"context"
	"errors"
	"fmt"

	"seatrial/harness/app"
	"seatrial/harness/app/loaded"
)

// Deploy implements app.Lifecycle. It waits until the swarm says that every service
// runs, which for one with a healthcheck means that it is healthy.
func (a *App) Deploy(ctx context.Context, r app.Release) error {
	a.life.Lock()
	defer a.life.Unlock()
	if d, _ := a.state(); d != nil {
		return fmt.Errorf("cannot deploy %s: %s is deployed; upgrade it or destroy it first", r.Name, d.release.Name)
	}
	return a.bringUp(ctx, r, nil)
}

// Upgrade implements app.Lifecycle. Services that the new release no longer has go on
// running, as they do where people upgrade.
func (a *App) Upgrade(ctx context.Context, r app.Release) error {
	a.life.Lock()
	defer a.life.Unlock()
	d, stopped := a.state()
	switch {
	case d == nil:
		return fmt.Errorf("cannot upgrade to %s: nothing is deployed", r.Name)
	case stopped:
		return fmt.Errorf("cannot upgrade to %s: the app is stopped", r.Name)
	}
	if err := a.thaw(); err != nil {
		return err
	}
	return a.bringUp(ctx, r, a.lying(ctx, d))
}

func (a *App) bringUp(ctx context.Context, r app.Release, before map[string]loaded.Manifest) error {
	node, err := a.cfg.Engine.nodeID(ctx)
	if err != nil {
		return err
	}
	d, err := a.read(ctx, r)
	if err != nil {
		return err
	}
	d.before = before
	if err := a.ensureImages(ctx, d); err != nil {
		return err
	}
	proxy, err := a.ensureProxy(ctx)
	if err != nil {
		return err
	}
	if err := a.makeSecrets(ctx, d.recipe); err != nil {
		return err
	}
	file, remove, err := a.writeOverlay(d, node, proxy)
	if err != nil {
		return err
	}
	defer remove()
	a.mu.Lock()
	a.current, a.since = d, a.cfg.Now()
	a.history = append(a.history, d)
	a.mu.Unlock()
	a.pulse.feel(a.cfg.Engine, a.stack())
	a.say("deploying the stack %s as %s", a.cfg.Label, r.Name)
	if err := a.cfg.Stacks.Deploy(ctx, a.cfg.Label, append(d.files(), file), d.recipe.Env); err != nil {
		return a.explain(d, err)
	}
	return a.settle(ctx, d)
}

// settle waits until the stack runs, and notes what runs.
func (a *App) settle(ctx context.Context, d *deployed) error {
	a.follow(ctx)
	if err := a.converge(ctx, d); err != nil {
		return err
	}
	a.mu.Lock()
	a.since = a.cfg.Now()
	a.mu.Unlock()
	a.notePrograms(ctx, d)
	a.noteBoot(ctx, d)
	a.measure(ctx)
	return nil
}

func (a *App) Start(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	d, stopped := a.state()
	switch {
	case d == nil:
		return errors.New("cannot start the app: nothing is deployed")
	case !stopped:
		return errors.New("cannot start the app: it runs already")
	}
	a.mu.Lock()
	modes := a.stopped
	a.since = a.cfg.Now()
	a.mu.Unlock()
	for id, m := range modes {
		if err := a.setMode(ctx, id, m.resume); err != nil {
			return fmt.Errorf("cannot start the app: %w", err)
		}
	}
	a.mu.Lock()
	a.stopped = nil
	a.mu.Unlock()
	return a.settle(ctx, d)
}
