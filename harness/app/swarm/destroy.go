package swarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/recipes/compose"
)

// Destroy implements app.Lifecycle. What docker stack rm leaves behind, volumes and
// secrets, is removed as well, by label and by exact name.
func (a *App) Destroy(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	if d, stopped := a.state(); d != nil && !stopped {
		a.measure(ctx)
	}
	all := a.thaw()
	a.logs.Stop()
	a.pulse.still()
	objects, err := a.Inventory(ctx)
	if err != nil {
		return errors.Join(all, err)
	}
	all = errors.Join(all, a.cfg.Engine.removeAll(ctx, objects))
	// A service that was removed while it was being made may have left more.
	if left, err := a.Inventory(ctx); err != nil {
		all = errors.Join(all, err)
	} else if len(left) > 0 {
		all = a.cfg.Engine.removeAll(ctx, left)
	}
	if all != nil {
		return fmt.Errorf("cannot destroy the app: %w", all)
	}
	a.mu.Lock()
	a.current, a.history, a.stopped = nil, nil, nil
	a.mu.Unlock()
	return nil
}

// removalOrder is when a kind is removed.
var removalOrder = []string{KindService, KindContainer, KindSecret, KindConfig, KindVolume, KindNetwork}

// removeAll removes objects, those of one kind at once, and does not stop at the first error.
func (e *Engine) removeAll(ctx context.Context, objects []app.Object) error {
	var mu sync.Mutex
	var all error
	for _, kind := range removalOrder {
		var group sync.WaitGroup
		for _, o := range objects {
			if o.Kind != kind {
				continue
			}
			group.Go(func() {
				if err := e.remove(ctx, o); err != nil {
					mu.Lock()
					all = errors.Join(all, fmt.Errorf("cannot remove %s %s: %w", o.Kind, o.ID, err))
					mu.Unlock()
				}
			})
		}
		group.Wait()
	}
	return all
}

// Inventory implements app.Lifecycle: what carries our labels, what the stack's own label
// names, and what has a name that the recipe gave it.
func (a *App) Inventory(ctx context.Context) ([]app.Object, error) {
	found, err := a.objects(ctx, a.ours())
	if err != nil {
		return nil, err
	}
	stacked, err := a.objects(ctx, a.stack())
	if err != nil {
		return nil, err
	}
	named, err := a.named(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range append(stacked, named...) {
		if !slices.ContainsFunc(found, func(x app.Object) bool { return x.Kind == o.Kind && x.ID == o.ID }) {
			found = append(found, o)
		}
	}
	for i := range found {
		if found[i].Labels.Run == "" {
			found[i].Labels = a.cfg.Labels
		}
	}
	slices.SortStableFunc(found, func(x, y app.Object) int {
		return cmp.Or(cmp.Compare(slices.Index(removalOrder, x.Kind), slices.Index(removalOrder, y.Kind)), cmp.Compare(x.ID, y.ID))
	})
	return found, nil
}

// objects lists what the filters select. It bears a short outage of the engine.
func (a *App) objects(ctx context.Context, f client.Filters) (found []app.Object, err error) {
	err = a.await(ctx, outageLimit, "the engine", func() (string, error) {
		found, err = a.cfg.Engine.objects(ctx, f)
		return "", err
	})
	return found, err
}

// named lists what there is under the names that the recipe's releases gave to secrets,
// configs, volumes and networks. Names that do not begin with the stack's may be
// another's: what carries another run's labels, or was there before, is left alone.
func (a *App) named(ctx context.Context) ([]app.Object, error) {
	a.mu.Lock()
	history := slices.Clone(a.history)
	a.mu.Unlock()
	if len(history) == 0 {
		return nil, nil
	}
	want := map[string]bool{}
	for _, d := range history {
		for kind, names := range namesOf(d.recipe) {
			for _, name := range names {
				if len(name) > len(a.cfg.Label) && name[:len(a.cfg.Label)+1] == a.cfg.Label+"_" {
					want[kind+" "+name] = true
				}
			}
		}
	}
	all, err := a.objects(ctx, nil)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o app.Object) bool { return !want[o.Kind+" "+o.ID] }), nil
}

func namesOf(r *compose.Recipe) map[string][]string {
	names := map[string][]string{}
	for _, v := range r.Volumes {
		names[KindVolume] = append(names[KindVolume], v.Full)
	}
	for _, s := range r.Secrets {
		names[KindSecret] = append(names[KindSecret], s.Full)
	}
	for _, c := range r.Configs {
		names[KindConfig] = append(names[KindConfig], c.Full)
	}
	for _, n := range r.Networks {
		names[KindNetwork] = append(names[KindNetwork], n.Full)
	}
	return names
}
