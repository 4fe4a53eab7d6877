package nomad

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/recipes"
)

// CannotDispatch says why runs of an enrolment cannot be dispatched now, and what to
// do about it, for a refusal on the pull request: a sentence each. Both are empty where
// they can. err means that it could not be found out. Nothing is changed.
func (d *Dispatcher) CannotDispatch(ctx context.Context, e recipes.Enrolment) (why, next string, err error) {
	why, next, err = d.obstacle(ctx, e)
	return sentence(why), sentence(next), err
}

func (d *Dispatcher) obstacle(ctx context.Context, e recipes.Enrolment) (why, next string, err error) {
	if e.Builder != "" && !cluster.IsJobID(e.Builder) {
		return fmt.Sprintf("the enrolment's builder %q is not the name of a job", e.Builder),
			"an operator names one of letters, digits, dots, dashes and underscores in builder", nil
	}
	job, err := d.parent(ctx, e)
	switch {
	case err == nil:
		if why, next = wrongWith(job); why != "" {
			return why, next, nil
		}
		return d.mayNotDispatch(ctx, value(job.ID))
	case cluster.Is(err, cluster.ErrForbidden), cluster.Is(err, cluster.ErrBadToken):
		return "the cluster does not let this installation read its jobs", "an operator runs: seatrial nomad doctor", nil
	case !cluster.Is(err, cluster.ErrNotFound):
		return "", "", err
	}
	if missing, err := d.namespaceMissing(ctx); err != nil || missing {
		return fmt.Sprintf("the cluster has no namespace %s", d.Namespaces.Runs), setup, err
	}
	if e.Builder != "" {
		return fmt.Sprintf("the builder %s does not exist: the cluster has no such job in the namespace %s", e.Builder, d.Namespaces.Runs),
			"an operator registers it, or names another one in builder", nil
	}
	if len(e.Needs) > 0 || e.Image != "" {
		return fmt.Sprintf("the cluster has no job %s, which would carry what the recipe needs", cluster.RecipeJob(e.Name)), setup, nil
	}
	return fmt.Sprintf("the cluster has no job %s", cluster.JobRun), setup, nil
}

// probeKey is a meta key that no builder declares.
const probeKey = "seatrial_probe"

// mayNotDispatch asks for a dispatch that Nomad must refuse for what is in it, after it
// has looked at what the token may: so nothing is ever started by it.
func (d *Dispatcher) mayNotDispatch(ctx context.Context, id string) (why, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, _, err = d.Client.Jobs().Dispatch(id, map[string]string{probeKey: ""}, nil, "", d.write(ctx))
	switch {
	case err == nil, strings.Contains(err.Error(), probeKey):
		return "", "", nil
	case cluster.Is(err, cluster.ErrForbidden), cluster.Is(err, cluster.ErrBadToken):
		return fmt.Sprintf("the cluster does not let this installation dispatch the job %s: its token's policy lacks dispatch-job", id),
			"an operator runs: seatrial nomad doctor", nil
	}
	return "", "", cluster.Explain("ask whether the job "+id+" may be dispatched", err)
}

func (d *Dispatcher) namespaceMissing(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, _, err := d.Client.Namespaces().Info(d.Namespaces.Runs, d.Client.Query(ctx, ""))
	switch {
	case err == nil, cluster.Is(err, cluster.ErrForbidden):
		return false, nil
	case cluster.Is(err, cluster.ErrNotFound):
		return true, nil
	}
	return false, cluster.Explain("look for the namespace "+d.Namespaces.Runs, err)
}

// wrongWith says what keeps a job from being a builder; empty where nothing does.
func wrongWith(job *api.Job) (why, next string) {
	id := value(job.ID)
	next = fmt.Sprintf("an operator changes the job %s and registers it again", id)
	say := func(format string, args ...any) (string, string) {
		return fmt.Sprintf("the builder %s ", id) + fmt.Sprintf(format, args...), next
	}
	declares := job.ParameterizedJob
	switch {
	case declares == nil:
		return say("is not parameterized: it has no parameterized block")
	case value(job.Stop):
		return fmt.Sprintf("the builder %s is stopped", id), "an operator starts it again"
	case declares.Payload == "required":
		return say("requires a payload, and none is sent")
	}
	for _, key := range cluster.RequiredMeta {
		if !slices.Contains(declares.MetaRequired, key) {
			return say("does not require the meta key %s: meta_required must list %s", key, strings.Join(cluster.RequiredMeta, ", "))
		}
	}
	for _, key := range declares.MetaRequired {
		if !slices.Contains(cluster.RequiredMeta, key) && !slices.Contains(cluster.OptionalMeta, key) {
			return say("requires the meta key %s, which nobody gives: it may be optional", key)
		}
	}
	group := job.LookupTaskGroup(cluster.Group)
	if group == nil {
		return say("has no group %q", cluster.Group)
	}
	if !slices.ContainsFunc(group.Tasks, func(t *api.Task) bool { return t.Name == cluster.Executor }) {
		return say("has no task %q in its group %q", cluster.Executor, cluster.Group)
	}
	return "", ""
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
