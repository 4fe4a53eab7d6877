package cluster

import (
	"context"
	"fmt"

	"seatrial/harness/run"
)

// Owners answer for runs from the cluster's side, as the janitor asks it.
type Owners struct {
	Client     *Client
	Namespaces Namespaces
}

// Owner says whether a dispatched job of the run is known, and whether one is not over.
// A run whose jobs were collected is unknown, and certainly over: Nomad collects only
// what is dead.
func (o Owners) Owner(ctx context.Context, id run.ID) (live, found bool, err error) {
	query := o.Client.Query(ctx, o.Namespaces.Runs)
	query.Filter = fmt.Sprintf("ID contains %q", "/dispatch-"+string(id)+"-")
	jobs, _, err := o.Client.Jobs().List(query)
	if err != nil {
		return false, false, Explain(fmt.Sprintf("find out whether run %s lives", id), err)
	}
	for _, job := range jobs {
		found = true
		live = live || job.Status != jobDead
	}
	return live, found, nil
}

const jobDead = "dead" // structs.JobStatusDead
