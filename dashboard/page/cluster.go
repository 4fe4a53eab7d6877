package page

import (
	"cmp"
	"context"

	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// nodesPart is the index's section on the cluster.
type nodesPart struct {
	Away  bool
	Since moment
	Rows  []nodeRow
}

type nodeRow struct {
	cluster.Node
	Sign sign
	Link string
	Runs []nodeRun
}

type nodeRun struct {
	ID     run.ID
	Recipe string // empty where it is not known
}

var nodeSigns = map[cluster.NodeState]sign{
	cluster.NodeReady:      {"ready", "✓", "pass"},
	cluster.NodeDown:       {"down", "✗", "fail"},
	cluster.NodeDraining:   {"draining", "▾", "unsure"},
	cluster.NodeIneligible: {"takes no runs", "–", "unsure"},
}

// nodes is nil where there is no cluster. The recipes of the runs are known from the
// queue and from the latest runs.
func (p *Pages) nodes(ctx context.Context, queue run.Queue, latest []run.Report) *nodesPart {
	if p.Cluster == nil {
		return nil
	}
	recipes := map[run.ID]string{}
	for _, r := range latest {
		recipes[r.Request.ID] = r.Request.Recipe
	}
	for _, s := range queue.Slots {
		recipes[s.Run] = s.Recipe
	}
	known := p.Cluster(ctx)
	part := &nodesPart{Away: known.Away(), Since: p.at(known.AwaySince)}
	for _, n := range known.Nodes {
		row := nodeRow{Node: n, Sign: nodeSigns[n.State()], Link: p.Nomad.Node(n.ID)}
		if n.State() == cluster.NodeDown && n.Status != "down" {
			row.Sign = sign{cmp.Or(line(n.Status, 20), "unknown"), "?", "unsure"} // on its way, or only out of sight
		}
		for _, id := range n.Runs {
			row.Runs = append(row.Runs, nodeRun{id, recipes[id]})
		}
		part.Rows = append(part.Rows, row)
	}
	return part
}
