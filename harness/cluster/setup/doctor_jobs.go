package setup

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

const bySetup = "seatrial nomad setup does it"

// jobs looks at ours, and at the operator's builders that enrolments name.
func (d *doctor) jobs(ctx context.Context) {
	for _, want := range d.objects {
		if want.Kind != Job {
			continue
		}
		s, err := d.job(ctx, want)
		switch {
		case cluster.Is(err, cluster.ErrForbidden):
			continue // said by capabilities
		case err != nil:
			d.trouble("the job "+want.name, err)
		case s.Did == Made:
			d.say(Wrong, bySetup, "the job %s is not registered", want.name)
		case s.Did == Changed:
			d.say(Wrong, bySetup, "the job %s is stopped, or not up to date", want.name)
		case s.Did == Kept && want.name != cluster.JobJanitor:
			d.builder(ctx, want.name, "the job %s is yours")
		case s.Did == Kept:
			d.fine("the job %s is yours", want.name)
		default:
			d.fine("the job %s is registered and up to date", want.name)
		}
	}
	var seen []string
	for _, e := range d.options.Recipes {
		if e.Builder != "" && !slices.Contains(seen, e.Builder) {
			seen = append(seen, e.Builder)
			d.builder(ctx, e.Builder, "the builder %s is there")
		}
	}
}

// builder looks whether runs can be dispatched to a job that is not ours.
func (d *doctor) builder(ctx context.Context, name, fine string) {
	job, _, err := d.client.Jobs().Info(name, d.client.Query(ctx, d.options.Namespaces.Runs))
	switch {
	case cluster.Is(err, cluster.ErrNotFound):
		d.say(Wrong, "register it in the namespace "+d.options.Namespaces.Runs+", or take it out of the enrolment", "there is no job %s, which an enrolment names as its builder", name)
		return
	case cluster.Is(err, cluster.ErrForbidden):
		return
	case err != nil:
		d.trouble("the job "+name, err)
		return
	}
	if job.ParameterizedJob == nil || stopped(job) {
		d.say(Wrong, "give it a parameterized block, and start it", "runs cannot be dispatched to the job %s", name)
		return
	}
	declared := slices.Concat(job.ParameterizedJob.MetaRequired, job.ParameterizedJob.MetaOptional)
	for _, key := range cluster.RequiredMeta {
		if !slices.Contains(declared, key) {
			d.say(Wrong, "add it to the job's meta_required", "the job %s does not take the meta %s", name, key)
			return
		}
	}
	for _, key := range job.ParameterizedJob.MetaRequired {
		if !slices.Contains(cluster.RequiredMeta, key) && !slices.Contains(cluster.OptionalMeta, key) {
			d.say(Wrong, "make it optional", "the job %s requires the meta %s, which no run has", name, key)
			return
		}
	}
	if !hasExecutor(job) {
		d.say(Wrong, "name them so: events and logs are looked for there", "the job %s has no group %s with a task %s", name, cluster.Group, cluster.Executor)
		return
	}
	d.fine(fine, name)
}

func hasExecutor(job *api.Job) bool {
	return slices.ContainsFunc(job.TaskGroups, func(g *api.TaskGroup) bool {
		return g.Name != nil && *g.Name == cluster.Group && slices.ContainsFunc(g.Tasks, func(t *api.Task) bool { return t.Name == cluster.Executor })
	})
}

// policies are seen by management tokens alone.
func (d *doctor) policies(ctx context.Context) {
	if !d.acls || !d.management() {
		return
	}
	good := true
	for _, want := range d.objects {
		if want.Kind != Policy {
			continue
		}
		s, err := d.policy(ctx, want)
		switch {
		case err != nil:
			d.trouble("the policy "+want.name, err)
		case s.Did == Made:
			d.say(Wrong, bySetup, "there is no policy %s", want.name)
		case s.Did == Changed:
			d.say(Wrong, bySetup, "the policy %s is not up to date", want.name)
		case s.Did == Kept:
			d.fine("the policy %s is yours", want.name)
			continue
		default:
			continue
		}
		good = false
	}
	if good {
		d.fine("the policies are there")
	}
}

// janitor looks at the last time that it came.
func (d *doctor) janitor(ctx context.Context) {
	q := d.client.Query(ctx, d.options.Namespaces.Runs)
	q.Prefix = cluster.JobJanitor + "/periodic-"
	found, _, err := d.client.Jobs().List(q)
	if cluster.Is(err, cluster.ErrForbidden) {
		return
	}
	if err != nil {
		d.trouble("the janitor", err)
		return
	}
	if len(found) == 0 {
		d.say(Doubt, "it comes every "+span(d.options.JanitorEvery)+", or at once with: nomad job periodic force -namespace "+d.options.Namespaces.Runs+" "+cluster.JobJanitor, "the janitor has not been here, or not for hours")
		return
	}
	last := slices.MaxFunc(found, func(a, b *api.JobListStub) int { return strings.Compare(a.ID, b.ID) })
	at := time.Unix(0, last.SubmitTime).UTC().Format("2006-01-02 15:04 MST")
	failed := 0
	if last.JobSummary != nil {
		for _, group := range last.JobSummary.Summary {
			failed += group.Failed + group.Lost
		}
	}
	if failed > 0 {
		d.say(Wrong, "read why: nomad job allocs -namespace "+d.options.Namespaces.Runs+" "+last.ID, "the janitor failed on %d nodes at %s", failed, at)
		return
	}
	d.fine("the janitor was here at %s", at)
}
