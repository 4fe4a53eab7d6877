package nomad

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// child finds the attempt's job. It is nil where the cluster knows none. Where there
// are several, which only two dispatches at the same instant can make, the first one
// is the attempt's; the others refuse themselves, for lack of the lease.
func (d *Dispatcher) child(ctx context.Context, k key) (*api.JobListStub, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	q := d.query(ctx)
	known, err := d.readNote(k)
	if err != nil {
		return nil, err
	}
	if known.Job != "" {
		q.Prefix = known.Job
	} else {
		q.Filter = fmt.Sprintf("ID contains %q", cluster.ChildMarker(k.id, k.attempt))
	}
	found, _, err := d.Client.Jobs().List(q)
	if err != nil {
		return nil, cluster.Explain(fmt.Sprintf("look for run %s", k.id), err)
	}
	found = slices.DeleteFunc(found, func(j *api.JobListStub) bool { return !strings.Contains(j.ID, cluster.ChildMarker(k.id, k.attempt)) })
	if len(found) == 0 {
		return nil, nil
	}
	slices.SortFunc(found, func(a, b *api.JobListStub) int { return int(a.CreateIndex) - int(b.CreateIndex) })
	job := found[0]
	if known.Job == "" {
		err = d.changeNote(k, func(n *note) { n.Job = job.ID })
	}
	return job, err
}

// Attempt is a live child of a parameterized job.
type Attempt struct {
	Run     run.ID
	Attempt int
	Job     string // its ID
}

// Live lists the attempts that the cluster has not ended, whatever their builder.
func (d *Dispatcher) Live(ctx context.Context) ([]Attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	q := d.query(ctx)
	q.Filter = `ID contains "/dispatch-" and Status != "dead"`
	jobs, _, err := d.Client.Jobs().List(q)
	if err != nil {
		return nil, cluster.Explain("list the runs on the cluster", err)
	}
	var live []Attempt
	for _, job := range jobs {
		if _, id, attempt, ok := cluster.ParseChild(job.ID); ok {
			live = append(live, Attempt{Run: id, Attempt: attempt, Job: job.ID})
		}
	}
	return live, nil
}
