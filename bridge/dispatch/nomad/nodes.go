package nomad

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// Nodes are the cluster's nodes, by name, and since when the cluster does not answer. It
// is what Run read last: nothing is asked.
func (d *Dispatcher) Nodes() cluster.Snapshot {
	d.offers.mu.Lock()
	defer d.offers.mu.Unlock()
	shot := cluster.Snapshot{AwaySince: d.offers.away}
	for id, o := range d.offers.nodes {
		n := cluster.Node{
			ID: id, Name: o.stub.Name, Status: o.stub.Status, Eligible: o.stub.SchedulingEligibility == api.NodeSchedulingEligible, Draining: o.stub.Drain,
			Capabilities: slices.Clone(o.sets),
		}
		for _, name := range slices.Sorted(maps.Keys(o.stub.Drivers)) {
			if info := o.stub.Drivers[name]; info.Detected {
				n.Drivers = append(n.Drivers, cluster.Driver{Name: name, Healthy: info.Healthy})
			}
		}
		shot.Nodes = append(shot.Nodes, n)
	}
	slices.SortFunc(shot.Nodes, func(a, b cluster.Node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return shot
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
