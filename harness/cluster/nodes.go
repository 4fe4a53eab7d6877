package cluster

import (
	"time"

	"seatrial/harness/run"
)

// Snapshot is what is known of the cluster on which runs are performed, at one moment.
type Snapshot struct {
	AwaySince time.Time // since when it does not answer; zero: it does
	Nodes     []Node    // by name; as they were last seen
}

// Away says that the cluster does not answer.
func (s Snapshot) Away() bool { return !s.AwaySince.IsZero() }

// Node is one machine of the cluster. Its texts are the operators'.
type Node struct {
	ID           string
	Name         string
	Status       string // Nomad's word: initializing, ready, down, disconnected
	Eligible     bool   // it may be given runs
	Draining     bool   // what runs on it is moved away
	Drivers      []Driver
	Capabilities []string // what it offers to enrolments that need it
	Runs         []run.ID // what runs on it now, where somebody filled it in
}

// Driver is a way in which a node can run things.
type Driver struct {
	Name    string `json:"name"`
	Healthy bool   `json:"healthy"`
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
