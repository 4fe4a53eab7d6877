package api

import (
	"net/http"
	"time"

	"seatrial/harness/cluster"
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
	ID           string            `json:"id"` // Nomad's
	Name         string            `json:"name"`
	State        cluster.NodeState `json:"state"`  // ready, down, draining, ineligible
	Status       string            `json:"status"` // Nomad's word: initializing, ready, down, disconnected
	Eligible     bool              `json:"eligible"`
	Draining     bool              `json:"draining"`
	Drivers      []cluster.Driver  `json:"drivers"`
	Capabilities []string          `json:"capabilities"` // what it offers to enrolments that need it
	Runs         []run.ID          `json:"runs"`         // on it now
	Link         string            `json:"link,omitempty"`
}

// nodes answers with all of them.
func (s *Service) nodes(w http.ResponseWriter, r *http.Request) {
	if s.Cluster == nil {
		problem(w, r, http.StatusNotFound, "Runs are performed on this server's own machine: there are no nodes. Nodes are had with --dispatch nomad.")
		return
	}
	known := s.Cluster(r.Context())
	list := Nodes{Answers: !known.Away(), AwaySince: known.AwaySince, Nodes: []Node{}}
	for _, n := range known.Nodes {
		list.Nodes = append(list.Nodes, Node{
			ID: n.ID, Name: n.Name, State: n.State(), Status: n.Status, Eligible: n.Eligible, Draining: n.Draining,
			Drivers: append([]cluster.Driver{}, n.Drivers...), Capabilities: append([]string{}, n.Capabilities...), Runs: append([]run.ID{}, n.Runs...), Link: s.Nomad.Node(n.ID),
		})
	}
	s.answer(w, r, list)
}
