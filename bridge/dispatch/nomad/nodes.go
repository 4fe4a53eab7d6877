package nomad

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"
)

// Node is a machine of the cluster, as it was last read.
type Node struct {
	ID           string
	Name         string
	Status       string // initializing, ready, down, disconnected
	Eligible     bool
	Draining     bool
	Drivers      map[string]bool // which are detected, and whether they are healthy
	Capabilities []string
}

// Nodes are the cluster's nodes, by name, and since when the cluster does not answer;
// zero where it does. It is what Run read last: nothing is asked.
func (d *Dispatcher) Nodes() (nodes []Node, away time.Time) {
	d.offers.mu.Lock()
	defer d.offers.mu.Unlock()
	for id, o := range d.offers.nodes {
		n := Node{
			ID: id, Name: o.stub.Name, Status: o.stub.Status, Eligible: o.stub.SchedulingEligibility == api.NodeSchedulingEligible, Draining: o.stub.Drain,
			Drivers: map[string]bool{}, Capabilities: slices.Clone(o.sets),
		}
		for name, info := range o.stub.Drivers {
			if info.Detected {
				n.Drivers[name] = info.Healthy
			}
		}
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return nodes, d.offers.away
}

// answered notes whether the cluster answered.
func (o *offers) answered(err error, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.away = time.Time{}
	case o.away.IsZero():
		o.away = now
	}
}
