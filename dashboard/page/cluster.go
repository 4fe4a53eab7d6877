package page

import (
	"cmp"
	"time"

	"seatrial/harness/run"
)

// Cluster is what is known of the cluster on which runs are performed, at one moment.
type Cluster struct {
	AwaySince time.Time // since when it does not answer; zero: it does
	Nodes     []Node    // by name; as they were last seen
}

// Node is one machine of a cluster. Its texts are the operators'.
type Node struct {
	ID           string
	Name         string
	Status       string // Nomad's word: initializing, ready, down, disconnected
	Eligible     bool   // it may be given runs
	Draining     bool   // what runs on it is moved away
	Drivers      []Driver
	Capabilities []string // what it offers to enrolments that need it
	Runs         []run.ID // what runs on it now
}

// Driver is a way in which a node can run things.
type Driver struct {
	Name    string
	Healthy bool
}

// NodeState says whether a node takes runs.
type NodeState string

// The states of a node.
const (
	NodeReady      NodeState = "ready"
	NodeDown       NodeState = "down" // or not there yet, or not heard of
	NodeDraining   NodeState = "draining"
	NodeIneligible NodeState = "ineligible"
)

// NodeStates are all of them.
func NodeStates() []NodeState { return []NodeState{NodeReady, NodeDown, NodeDraining, NodeIneligible} }

// State is the node's. Being down counts before everything else.
func (n Node) State() NodeState {
	switch {
	case n.Status != "ready":
		return NodeDown
	case n.Draining:
		return NodeDraining
	case !n.Eligible:
		return NodeIneligible
	}
	return NodeReady
}

// Away says that the cluster does not answer.
func (c Cluster) Away() bool { return !c.AwaySince.IsZero() }

// nodesPart is the index's section on the cluster.
type nodesPart struct {
	Away  bool
	Since moment
	Rows  []nodeRow
}

type nodeRow struct {
	Node
	Sign sign
	Link string
	Runs []nodeRun
}

type nodeRun struct {
	ID     run.ID
	Recipe string // empty where it is not known
}

var nodeSigns = map[NodeState]sign{
	NodeReady:      {"ready", "✓", "pass"},
	NodeDown:       {"down", "✗", "fail"},
	NodeDraining:   {"draining", "▾", "unsure"},
	NodeIneligible: {"takes no runs", "–", "unsure"},
}

// nodes is nil where there is no cluster. The recipes of the runs are known from the
// queue and from the latest runs.
func (p *Pages) nodes(queue Queue, latest []run.Report) *nodesPart {
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
	known := p.Cluster()
	part := &nodesPart{Away: known.Away(), Since: p.at(known.AwaySince)}
	for _, n := range known.Nodes {
		row := nodeRow{Node: n, Sign: nodeSigns[n.State()], Link: p.Nomad.Node(n.ID)}
		if n.State() == NodeDown && n.Status != "down" {
			row.Sign = sign{cmp.Or(line(n.Status, 20), "unknown"), "?", "unsure"} // on its way, or only out of sight
		}
		for _, id := range n.Runs {
			row.Runs = append(row.Runs, nodeRun{id, recipes[id]})
		}
		part.Rows = append(part.Rows, row)
	}
	return part
}
