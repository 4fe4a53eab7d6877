package nomad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// destroyLimit is how long a job may take to end when it is destroyed, beyond the time
// that its tasks have for that.
const destroyLimit = 2 * time.Minute

// ours says whether labels name this very run and attempt.
func (a *App) ours(l run.Labels) bool {
	return l.Run == a.cfg.Labels.Run && l.Attempt == a.cfg.Labels.Attempt && l.Instance == a.cfg.Labels.Instance
}

// Destroy implements app.Lifecycle. Jobs go before volumes, which they hold.
func (a *App) Destroy(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	errs := a.thaw()
	if _, up := a.state(); up != nil {
		a.noteHits(ctx, up)
	}
	objects, err := a.Inventory(ctx)
	errs = errors.Join(errs, err)
	if err != nil { // by name, what cannot be listed
		for _, name := range []string{a.cfg.Label, a.idleName()} {
			objects = append(objects, app.Object{Kind: KindJob, ID: name, Labels: a.cfg.Labels})
		}
	}
	p := a.place()
	for _, kind := range []string{KindJob, KindAllocation, KindVolume} {
		for _, o := range objects {
			if o.Kind == kind {
				errs = errors.Join(errs, p.Remove(ctx, o))
			}
		}
	}
	a.logs.Stop()
	a.mu.Lock()
	a.current, a.history, a.up = nil, nil, nil
	a.mu.Unlock()
	if errs != nil {
		return fmt.Errorf("cannot destroy the app: %w", errs)
	}
	return nil
}

func (a *App) place() *Place {
	return &Place{client: a.cfg.Client, namespace: a.cfg.Namespaces.Apps, limit: 2*time.Duration(a.cfg.Enrolment.Timeouts.Stop) + destroyLimit}
}

func (a *App) Inventory(ctx context.Context) ([]app.Object, error) {
	all, err := a.place().Objects(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o app.Object) bool { return !a.ours(o.Labels) }), nil
}

// removeJob stops a job, forgets it, and waits until nothing of it runs. One that is
// not there is no error.
func removeJob(ctx context.Context, client *cluster.Client, namespace, id string, limit time.Duration) error {
	fail := func(err error) error { return cluster.Explain("remove the job "+id, err) }
	_, _, err := client.Jobs().DeregisterOpts(id, &api.DeregisterOptions{Purge: true, NoShutdownDelay: true}, client.Write(ctx, namespace))
	if err != nil && !cluster.Is(err, cluster.ErrNotFound) {
		return fail(err)
	}
	err = await(ctx, limit, "the job to end", func() (string, error) {
		all, _, err := client.Jobs().Allocations(id, true, client.Query(ctx, namespace))
		if err != nil {
			return "", err
		}
		for _, s := range all {
			if !endedStatus(s) {
				return fmt.Sprintf("allocation %s is %s", short(s.ID), s.ClientStatus), nil
			}
		}
		return "", nil
	})
	if err != nil {
		return fail(err)
	}
	return nil
}
