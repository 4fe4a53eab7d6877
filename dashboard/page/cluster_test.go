package page

import (
	"context"
	"testing"
	"time"

	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

func TestNodeStates(t *testing.T) {
	for _, tt := range []struct {
		node cluster.Node
		want cluster.NodeState
		word string
	}{
		{cluster.Node{Status: "ready", Eligible: true}, cluster.NodeReady, "ready"},
		{cluster.Node{Status: "ready"}, cluster.NodeIneligible, "takes no runs"},
		{cluster.Node{Status: "ready", Draining: true}, cluster.NodeDraining, "draining"}, // Nomad makes it ineligible as well
		{cluster.Node{Status: "down", Draining: true}, cluster.NodeDown, "down"},
		{cluster.Node{Status: "initializing", Eligible: true}, cluster.NodeDown, "initializing"},
		{cluster.Node{Status: "disconnected", Eligible: true}, cluster.NodeDown, "disconnected"},
		{cluster.Node{}, cluster.NodeDown, "unknown"},
	} {
		p := &Pages{Config: Config{Cluster: func(context.Context) cluster.Snapshot { return cluster.Snapshot{Nodes: []cluster.Node{tt.node}} }, Now: time.Now}}
		if got, sign := tt.node.State(), p.nodes(t.Context(), run.Queue{}, nil).Rows[0].Sign; got != tt.want || sign.Word != tt.word {
			t.Errorf("%+v is %s and shown as %q, want %s and %q", tt.node, got, sign.Word, tt.want, tt.word)
		}
	}
}

func TestLinksToNomad(t *testing.T) {
	const alloc = "5f0b7c1e-93b3-52ac-91f6-2a0d7a7f3c01"
	const job = "a builder/dispatch-01k9zq3v8e2m4n6p8r0t2v4x6y-1-1795620079-9f82d137"
	n := NewNomad("https://nomad.example.org/below/", "")
	for got, want := range map[string]string{
		n.Job(job):          "https://nomad.example.org/below/ui/jobs/a%20builder%2Fdispatch-01k9zq3v8e2m4n6p8r0t2v4x6y-1-1795620079-9f82d137@ci",
		n.Allocation(alloc): "https://nomad.example.org/below/ui/allocations/" + alloc,
		n.Node(alloc):       "https://nomad.example.org/below/ui/clients/" + alloc,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, link := range []string{n.Job("postgres"), n.Job("\u202e" + job), n.Allocation("../../x"), n.Allocation(alloc[:8]), n.Node(""), Nomad{}.Job(job), NewNomad("ftp://x", "").Allocation(alloc)} {
		if link != "" {
			t.Errorf("there should be no link to %s", link)
		}
	}
	if got := NewNomad("", "it's mine").commands(alloc); got != "nomad alloc status -namespace='it'\\''s mine' "+alloc+"\nnomad alloc logs -namespace='it'\\''s mine' "+alloc+" executor" {
		t.Errorf("got %s", got)
	}
	if got := n.commands("$(reboot)"); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestANodeOfWhichThereAreTwoIsNotLinked(t *testing.T) {
	const one, two = "9a1c6f0e-0d0b-4f1e-8f0a-64a1d0c9e001", "2b7e4d11-5c7e-4d3a-9a57-0f5b7b1de002"
	p := &Pages{Config: Config{Nomad: NewNomad("https://nomad.example.org", ""), Cluster: func(context.Context) cluster.Snapshot {
		return cluster.Snapshot{Nodes: []cluster.Node{{ID: one, Name: "a"}, {ID: one, Name: "b"}, {ID: two, Name: "b"}}}
	}}}
	for name, want := range map[string]string{"a": "https://nomad.example.org/ui/clients/" + one, "b": "", "c": "", "": ""} {
		if got := p.nodeLink(t.Context(), name); got != want {
			t.Errorf("the node %q leads to %q", name, got)
		}
	}
}
