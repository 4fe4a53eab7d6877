package page

import (
	"context"
	"net/url"

	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// clusterPlace is the place on a cluster at which the latest attempt of a run is, or was.
// Its texts come from the attempt's own events and are shown as a stranger's.
type clusterPlace struct {
	Node, NodeLink   string
	Job, JobLink     string
	Alloc, AllocLink string
	Commands         string
	Output, Errors   string // addresses of the executor's two streams
}

// clusterPlace is nil for a run of this machine, or one that has not begun.
func (p *Pages) clusterPlace(ctx context.Context, started *run.Started) *clusterPlace {
	if started == nil || started.Job == "" && started.Alloc == "" && started.Node == "" {
		return nil
	}
	w := &clusterPlace{
		Node: started.Node, NodeLink: p.nodeLink(ctx, started.Node),
		Job: started.Job, JobLink: p.Nomad.Job(started.Job),
		Alloc: started.Alloc, AllocLink: p.Nomad.Allocation(started.Alloc),
		Commands: p.Nomad.commands(started.Alloc),
	}
	if p.JobLogs {
		w.Output, w.Errors = OutputPath(started.Job, "stdout"), OutputPath(started.Job, "stderr")
	}
	return w
}

// OutputPath is the address at which a stream of an attempt's job is followed; empty
// where the job is not an attempt's.
func OutputPath(job, stream string) string {
	if _, _, _, ok := cluster.ParseChild(job); !ok {
		return ""
	}
	return "/build?" + url.Values{"job": {job}, "log": {stream}}.Encode()
}

// nodeLink leads to a node that the cluster has now. A run knows its node's name only,
// and two nodes may have the same.
func (p *Pages) nodeLink(ctx context.Context, name string) string {
	if p.Cluster == nil || name == "" {
		return ""
	}
	link := ""
	for _, n := range p.Cluster(ctx).Nodes {
		if n.Name != name {
			continue
		}
		if link != "" {
			return ""
		}
		link = p.Nomad.Node(n.ID)
	}
	return link
}
