package process

import (
	"context"
	"errors"
	"fmt"

	"seatrial/harness/app"
	"seatrial/recipes"
)

func (a *App) Deploy(ctx context.Context, r app.Release) error {
	a.life.Lock()
	defer a.life.Unlock()
	if d := a.deployed(); d != nil {
		return fmt.Errorf("cannot deploy %s: %s is deployed; upgrade it or destroy it first", r.Name, d.release.Name)
	}
	if err := a.ensureFolders(); err != nil {
		return err
	}
	d, err := a.prepare(ctx, r)
	if err != nil {
		return err
	}
	return a.bringUp(ctx, d)
}

// Upgrade implements app.Lifecycle. The old release runs while the new one is
// built.
func (a *App) Upgrade(ctx context.Context, r app.Release) error {
	a.life.Lock()
	defer a.life.Unlock()
	if a.deployed() == nil {
		return fmt.Errorf("cannot upgrade to %s: nothing is deployed", r.Name)
	}
	d, err := a.prepare(ctx, r)
	if err != nil {
		return err
	}
	if err := a.stop(ctx); err != nil {
		fault, ok := errors.AsType[*app.Fault](err)
		if !ok {
			return err
		}
		// It is the old release that stops badly; the head is asked about its own
		// stop when it is restarted.
		a.log("upgrade", "while the old release was stopped: "+fault.Summary)
	}
	if err := a.remember(); err != nil {
		return err
	}
	return a.bringUp(ctx, d)
}

// bringUp runs the release command and starts the services.
func (a *App) bringUp(ctx context.Context, d *deployed) error {
	a.mu.Lock()
	a.current = d
	a.history = append(a.history, d)
	a.mu.Unlock()
	if err := a.runReleaseStep(ctx, d); err != nil {
		return err
	}
	if err := d.takeManifest(a.path(d.dir)); err != nil {
		return err
	}
	return a.start(ctx, d)
}

// runReleaseStep runs the Procfile's release command to its end.
func (a *App) runReleaseStep(ctx context.Context, d *deployed) error {
	if d.procfile.release == "" {
		return nil
	}
	return a.step(ctx, stepOf{
		name:    "release command",
		source:  releaseStep,
		command: recipes.CommandLine{Shell: shellLine(d.procfile.release)},
		view:    view{release: d.dir, volumes: true, home: "home", tmp: "tmp"},
		group:   groupApp,
		limit:   orDefault(a.cfg.Enrolment.Timeouts.Hook, defaultHook),
	})
}

func (a *App) Start(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	d := a.deployed()
	if d == nil {
		return errors.New("cannot start the app: nothing is deployed")
	}
	if a.instance() != nil {
		return errors.New("cannot start the app: it runs already")
	}
	return a.start(ctx, d)
}

func (a *App) start(ctx context.Context, d *deployed) error {
	in, err := a.startServices(ctx, d)
	if err != nil {
		return err
	}
	a.setInstance(in)
	return nil
}

func (a *App) deployed() *deployed {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}
