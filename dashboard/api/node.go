package api

import (
	"net/http"
	"time"

	"seatrial/dashboard/page"
	"seatrial/harness/run"
)

// Nodes are the cluster's nodes as they were last seen.
type Nodes struct {
	Answers   bool      `json:"answers"`             // the cluster does
	AwaySince time.Time `json:"away_since,omitzero"` // since when it does not
	Nodes     []Node    `json:"nodes"`
}

// Node is one machine of the cluster.
type Node struct {
	ID           string         `json:"id"` // Nomad's
	Name         string         `json:"name"`
	State        page.NodeState `json:"state"`  // ready, down, draining, ineligible
	Status       string         `json:"status"` // Nomad's word: initializing, ready, down, disconnected
	Eligible     bool           `json:"eligible"`
	Draining     bool           `json:"draining"`
	Drivers      []Driver       `json:"drivers"`
	Capabilities []string       `json:"capabilities"` // what it offers to enrolments that need it
	Runs         []run.ID       `json:"runs"`         // on it now
	Link         string         `json:"link,omitempty"`
}

// Driver is a way in which a node can run things.
type Driver struct {
	Name    string `json:"name"`
	Healthy bool   `json:"healthy"`
}

// nodes answers with all of them.
func (s *Service) nodes(w http.ResponseWriter, r *http.Request) {
	if s.Cluster == nil {
		problem(w, r, http.StatusNotFound, "Runs are performed on this server's own machine: there are no nodes. Nodes are had with --dispatch nomad.")
		return
	}
	known := s.Cluster()
	list := Nodes{Answers: !known.Away(), AwaySince: known.AwaySince, Nodes: []Node{}}
	for _, n := range known.Nodes {
		node := Node{
			ID: n.ID, Name: n.Name, State: n.State(), Status: n.Status, Eligible: n.Eligible, Draining: n.Draining,
			Drivers: []Driver{}, Capabilities: append([]string{}, n.Capabilities...), Runs: append([]run.ID{}, n.Runs...), Link: s.Nomad.Node(n.ID),
		}
		for _, d := range n.Drivers {
			node.Drivers = append(node.Drivers, Driver(d))
		}
		list.Nodes = append(list.Nodes, node)
	}
	s.answer(w, r, list)
}
