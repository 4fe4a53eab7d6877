package nomad

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// offers are what the nodes of the cluster offer.
type offers struct {
	mu    sync.Mutex
	read  bool
	nodes map[string]offer // by node ID
	away  time.Time        // since when the cluster does not answer; zero: it does
}

type offer struct {
	index uint64 // when it was read
	stub  *api.NodeListStub
	sets  []string
	ready bool
}

// Offers is what the cluster can run: for each node that takes work the capabilities
// that it offers. It is what Run read last; the first question reads by itself.
func (d *Dispatcher) Offers() [][]string {
	d.offers.mu.Lock()
	read := d.offers.read
	d.offers.mu.Unlock()
	if !read {
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		defer cancel()
		if err := d.readOffers(ctx); err != nil {
			d.Log.Warn("cannot say what the cluster offers", "err", err)
		}
	}
	d.offers.mu.Lock()
	defer d.offers.mu.Unlock()
	var all [][]string
	for _, node := range d.offers.nodes {
		if node.ready {
			all = append(all, slices.Clone(node.sets))
		}
	}
	slices.SortFunc(all, slices.Compare)
	return all
}

// readOffers lists the nodes and reads those that are new or changed.
func (d *Dispatcher) readOffers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	nodes, _, err := d.Client.Nodes().List(d.Client.Query(ctx, ""))
	if err != nil {
		return cluster.Explain("list the nodes of the cluster", err)
	}
	d.offers.mu.Lock()
	before := d.offers.nodes
	d.offers.mu.Unlock()
	now := map[string]offer{}
	for _, n := range nodes {
		o, known := before[n.ID]
		if !known || o.index != n.ModifyIndex {
			node, err := d.node(ctx, n.ID)
			if err != nil {
				return fmt.Errorf("cannot say what the cluster offers: %w", err)
			}
			if node == nil {
				continue
			}
			o = offer{index: n.ModifyIndex, sets: capabilities(node.Meta[cluster.NodeCapabilities])}
		}
		o.stub = n
		o.ready = n.Status == api.NodeStatusReady && n.SchedulingEligibility == api.NodeSchedulingEligible && !n.Drain
		now[n.ID] = o
	}
	d.offers.mu.Lock()
	defer d.offers.mu.Unlock()
	d.offers.read, d.offers.nodes = true, now
	return nil
}

func capabilities(text string) []string {
	set := []string{}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			set = append(set, name)
		}
	}
	slices.Sort(set)
	return slices.Compact(set)
}
