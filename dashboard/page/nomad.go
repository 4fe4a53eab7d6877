package page

import (
	"net/url"
	"strings"

	"seatrial/harness/cluster"
	"seatrial/internal/lazyregexp"
	"seatrial/internal/shell"
)

// Nomad is how people reach the cluster on which runs are performed. The zero value
// links nowhere.
type Nomad struct {
	url       string
	namespace string
}

// NewNomad takes the address of Nomad's own pages and the namespace of the runs.
// Empty, or an address that no link may lead to, means no links; an empty namespace
// the default one.
func NewNomad(address, namespace string) Nomad {
	return Nomad{strings.TrimRight(webLink(address), "/"), cluster.NamespacesFor(namespace).Runs}
}

// allocID is the form of an allocation's ID. What has another one is shown as text.
var allocID = lazyregexp.New(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Job is the page of an attempt's job; empty for none.
func (n Nomad) Job(id string) string {
	if _, _, _, ok := cluster.ParseChild(id); !ok || visible(id) != id {
		return ""
	}
	return n.link("jobs", id+"@"+n.namespace)
}

// Allocation is the page of an allocation; empty for none.
func (n Nomad) Allocation(id string) string {
	if !allocID.MatchString(id) {
		return ""
	}
	return n.link("allocations", id)
}

// Node is the page of a node by its ID; empty for none.
func (n Nomad) Node(id string) string {
	if !allocID.MatchString(id) { // all of Nomad's IDs have this form
		return ""
	}
	return n.link("clients", id)
}

func (n Nomad) link(kind, id string) string {
	if n.url == "" {
		return ""
	}
	return n.url + "/ui/" + kind + "/" + url.PathEscape(id)
}

// commands are the lines with which a person looks at an allocation; empty where the
// ID is none.
func (n Nomad) commands(alloc string) string {
	if !allocID.MatchString(alloc) {
		return ""
	}
	in := "-namespace=" + shell.Word(n.namespace) + " " + alloc
	return "nomad alloc status " + in + "\nnomad alloc logs " + in + " " + cluster.Executor
}
