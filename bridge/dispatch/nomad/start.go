package nomad

import (
	"context"
	"fmt"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// setup is what an operator does where a recipe's own job is missing.
const setup = "an operator runs: seatrial nomad setup"

// Dispatch dispatches the attempt's job once. Looking first makes a dispatch repeated
// after a restart do nothing; the idempotency token, one that races with another.
func (d *Dispatcher) Dispatch(ctx context.Context, r run.Request, attempt int, lease run.Lease) error {
	k := key{r.ID, attempt}
	enrolment, ok := d.Enrolment(r.Recipe)
	if !ok {
		return fmt.Errorf("cannot dispatch run %s: the recipe %s is no longer enrolled", r.ID, r.Recipe)
	}
	there, err := d.child(ctx, k)
	if err != nil || there != nil {
		return err
	}
	if known, err := d.readNote(k); err != nil || known.Job != "" {
		return err // the cluster has forgotten it already
	}
	parent, err := d.parent(ctx, enrolment)
	if err != nil {
		return fmt.Errorf("cannot dispatch run %s: %w", r.ID, err)
	}
	if why, next := wrongWith(parent); why != "" {
		return fmt.Errorf("cannot dispatch run %s: %s: %s", r.ID, why, next)
	}
	meta, err := d.meta(dispatch.NewJob(r, attempt, lease, d.Instance, enrolment).WithDeps(d.Enrolment), parent.ParameterizedJob)
	if err != nil {
		return fmt.Errorf("cannot dispatch run %s: %w", r.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	w := d.write(ctx)
	w.IdempotencyToken = k.String()
	made, _, err := d.Client.Jobs().Dispatch(*parent.ID, meta, nil, cluster.ChildTemplate(r.ID, attempt), w)
	if err != nil {
		return cluster.Explain(fmt.Sprintf("dispatch run %s to the job %s", r.ID, *parent.ID), err)
	}
	return d.changeNote(k, func(n *note) { n.Job = made.DispatchedJobID })
}

// parent is the parameterized job that performs an enrolment's runs: its builder, the
// recipe's own, or, where the recipe asks for nothing, the one of all.
func (d *Dispatcher) parent(ctx context.Context, e recipes.Enrolment) (*api.Job, error) {
	if e.Builder != "" {
		if !cluster.IsJobID(e.Builder) {
			return nil, fmt.Errorf("the builder %q is not the name of a job", e.Builder)
		}
		return d.job(ctx, e.Builder)
	}
	own, err := d.job(ctx, cluster.RecipeJob(e.Name))
	if err == nil || !cluster.Is(err, cluster.ErrNotFound) {
		return own, err
	}
	if len(e.Needs) > 0 || e.Image != "" {
		return nil, fmt.Errorf("%w: it would carry the recipe's needs and image: %s", err, setup)
	}
	all, err := d.job(ctx, cluster.JobRun)
	if cluster.Is(err, cluster.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", err, setup)
	}
	return all, err
}

func (d *Dispatcher) job(ctx context.Context, id string) (*api.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	job, _, err := d.Client.Jobs().Info(id, d.query(ctx))
	return job, cluster.Explain(fmt.Sprintf("read the job %s", id), err)
}
