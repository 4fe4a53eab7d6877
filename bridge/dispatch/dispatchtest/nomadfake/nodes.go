package nomadfake

import (
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// node is a client of the cluster.
type node struct {
	api.Node
	away bool // it does not answer, but what it runs goes on
}

// AddNode adds a ready node, and returns its ID.
func (f *Fake) AddNode(name string, meta map[string]string) (nodeID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if meta == nil {
		meta = map[string]string{}
	}
	n := &node{Node: api.Node{
		ID: newID(), Datacenter: "dc1", Name: name, NodePool: "default", HTTPAddr: "127.0.0.1:0", Meta: meta,
		Attributes: map[string]string{"unique.hostname": name, "kernel.name": "linux", "nomad.version": "1.11.3"},
		Status:     api.NodeStatusReady, SchedulingEligibility: api.NodeSchedulingEligible,
		Drivers: map[string]*api.DriverInfo{"raw_exec": {Detected: true, Healthy: true, HealthDescription: "Healthy", UpdateTime: time.Now()}},
	}}
	n.CreateIndex = f.next()
	f.nodes = append(f.nodes, n)
	f.change(n, "NodeRegistration")
	return n.ID
}

// change tells of a node that is another now, and tries what waits on it.
func (f *Fake) change(n *node, kind string) {
	n.ModifyIndex, n.StatusUpdatedAt = f.next(), time.Now().Unix()
	f.tell(kind, n)
	f.unblock()
}

// nodeOf finds a node by ID or name.
func (f *Fake) nodeOf(name string) *node {
	for _, n := range f.nodes {
		if n.ID == name || n.Name == name {
			return n
		}
	}
	return nil
}

// lookup finds what a constraint or a text means by ${…} on this node.
func (n *node) lookup(target string) (string, bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(target, "${"), "}")
	if name == target {
		return "", false
	}
	switch {
	case name == "node.unique.id":
		return n.ID, true
	case name == "node.unique.name":
		return n.Name, true
	case name == "node.datacenter":
		return n.Datacenter, true
	case name == "node.pool":
		return n.NodePool, true
	}
	if key, is := strings.CutPrefix(name, "meta."); is {
		v, there := n.Meta[key]
		return v, there
	}
	if key, is := strings.CutPrefix(name, "attr."); is {
		v, there := n.Attributes[key]
		return v, there
	}
	return "", false
}

func nodeRoutes() []route {
	return []route{
		{pattern: "GET /v1/nodes", answer: (*Fake).listNodes},
		{pattern: "GET /v1/node/{node}", answer: (*Fake).showNode},
		{pattern: "PUT /v1/node/{node}/drain", answer: (*Fake).drainNode},
		{pattern: "POST /v1/node/{node}/drain", answer: (*Fake).drainNode},
	}
}

func (f *Fake) listNodes(q *ask) (any, error) {
	if err := q.may("node:read"); err != nil {
		return nil, err
	}
	stubs := []*api.NodeListStub{}
	for _, n := range f.nodes {
		if strings.HasPrefix(n.ID, q.param("prefix")) {
			stubs = append(stubs, &api.NodeListStub{
				Address: "127.0.0.1", ID: n.ID, Datacenter: n.Datacenter, Name: n.Name, NodePool: n.NodePool, Version: n.Attributes["nomad.version"],
				Drain: n.Drain, SchedulingEligibility: n.SchedulingEligibility, Status: n.Status, StatusDescription: n.StatusDescription,
				Drivers: n.Drivers, CreateIndex: n.CreateIndex, ModifyIndex: n.ModifyIndex,
			})
		}
	}
	return filtered(f, q, stubs)
}

func (f *Fake) showNode(q *ask) (any, error) {
	if err := q.may("node:read"); err != nil {
		return nil, err
	}
	if n := f.nodeOf(q.PathValue("node")); n != nil {
		return n.Node, nil
	}
	return nil, refuse(http.StatusNotFound, "node not found")
}

func (f *Fake) drainNode(q *ask) (any, error) {
	var asked api.NodeUpdateDrainRequest
	if err := q.body(&asked); err != nil {
		return nil, err
	}
	if err := q.may("node:write"); err != nil {
		return nil, err
	}
	n := f.nodeOf(q.PathValue("node"))
	switch {
	case n == nil:
		return nil, fault("node not found")
	case asked.DrainSpec != nil:
		f.drain(n)
	default:
		n.SchedulingEligibility = api.NodeSchedulingIneligible
		if asked.MarkEligible {
			n.SchedulingEligibility = api.NodeSchedulingEligible
		}
		n.Drain, n.DrainStrategy = false, nil
		f.change(n, "NodeDrain")
	}
	return api.NodeDrainUpdateResponse{NodeModifyIndex: n.ModifyIndex}, nil
}

// drain asks everything on a node to end, at once, and has nothing new placed on it. It
// is over when all has been asked, so nothing of it is left to see but the eligibility.
func (f *Fake) drain(n *node) {
	n.SchedulingEligibility = api.NodeSchedulingIneligible
	f.change(n, "NodeDrain")
	for _, a := range f.allocs {
		if a.node != n || a.terminal() {
			continue
		}
		f.next()
		e := f.newEval(a.job, triggerDrain)
		f.tell("AllocationUpdateDesiredStatus", e)
		f.stopAlloc(a, "alloc is being migrated", e)
		f.complete(e)
	}
}
