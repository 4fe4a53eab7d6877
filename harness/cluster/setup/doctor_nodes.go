package setup

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/mod/semver"

	"seatrial/harness/cluster"
)

// recommendedNomad is the oldest version that this program is tested with.
const recommendedNomad = "v1.11.3"

// missingBefore says what is missing below a version, the newest first.
var missingBefore = []struct{ version, missing string }{
	{"v1.11.2", "policies that allow to remove volumes"},
	{"v1.11.2", "the promise that a dispatch which is sent twice at once starts one run"},
	{"v1.10.3", "its address in a task's environment, which the janitor needs"},
	{"v1.10.0", "volumes for the apps of Nomad recipes"},
}

// nodes looks at the nodes of the pool where runs go.
func (d *doctor) nodes(ctx context.Context) {
	all, _, err := d.client.Nodes().List(d.client.Query(ctx, ""))
	if cluster.Is(err, cluster.ErrForbidden) {
		return // said by capabilities
	}
	if err != nil {
		d.trouble("the nodes", err)
		return
	}
	var usable []*api.NodeListStub
	for _, node := range all {
		switch {
		case d.options.NodePool != "all" && node.NodePool != d.options.NodePool:
		case node.Status != api.NodeStatusReady:
			d.say(Doubt, "look at its agent, or purge it", "the node %s is %s", node.Name, node.Status)
		case node.Drain || node.SchedulingEligibility != api.NodeSchedulingEligible:
			d.say(Doubt, "nomad node eligibility -enable "+node.ID, "the node %s takes no work", node.Name)
		default:
			usable = append(usable, node)
		}
	}
	if len(usable) == 0 {
		d.say(Wrong, "start a client, or choose another pool with --node-pool", "there is no node in the pool %s that takes work", d.options.NodePool)
		return
	}
	d.fine("nodes that take work: %d", len(usable))
	d.version(usable)
	for _, driver := range d.drivers() {
		d.driver(driver, usable)
	}
	d.killTimeouts(ctx, usable)
	d.offers(ctx, usable)
}

func (d *doctor) version(nodes []*api.NodeListStub) {
	oldest := slices.MinFunc(nodes, func(a, b *api.NodeListStub) int { return semver.Compare("v"+a.Version, "v"+b.Version) }).Version
	if semver.Compare("v"+oldest, recommendedNomad) >= 0 {
		d.fine("Nomad is %s", oldest)
		return
	}
	next := "update it to " + strings.TrimPrefix(recommendedNomad, "v")
	d.say(Doubt, next, "Nomad is %s, which is older than this program is tested with", oldest)
	for _, l := range missingBefore {
		if semver.Compare("v"+oldest, l.version) < 0 {
			d.say(Doubt, next, "Nomad %s lacks %s", oldest, l.missing)
		}
	}
}

// drivers are those that our jobs use.
func (d *doctor) drivers() []string {
	used := []string{DriverRawExec} // the janitor's
	for _, e := range d.options.Recipes {
		if e.Image != "" && e.Builder == "" {
			used = append(used, DriverDocker)
		}
	}
	used = append(used, d.options.Driver)
	slices.Sort(used)
	return slices.Compact(used)
}

func (d *doctor) driver(name string, nodes []*api.NodeListStub) {
	var without []string
	for _, node := range nodes {
		if info := node.Drivers[name]; info == nil || !info.Detected || !info.Healthy {
			without = append(without, node.Name)
		}
	}
	next := `turn it on in the client's configuration: plugin "` + name + `" { config { enabled = true } }`
	if name == DriverDocker {
		next = "start Docker there"
	}
	switch {
	case len(without) == 0:
		d.fine("the driver %s is healthy on every node", name)
	case len(without) == len(nodes):
		d.say(Wrong, next, "no node has a healthy driver %s", name)
	default:
		d.say(Doubt, next, "the driver %s is not healthy on %s", name, strings.Join(without, ", "))
	}
}

// killTimeouts asks each client itself: no server knows.
func (d *doctor) killTimeouts(ctx context.Context, nodes []*api.NodeListStub) {
	var unasked []string
	low := false
	for _, node := range nodes {
		limit, err := d.maxKillTimeout(ctx, node.ID)
		switch {
		case err != nil:
			unasked = append(unasked, node.Name)
		case limit < killTimeout:
			low = true
			d.say(Wrong, `set max_kill_timeout = "`+span(killTimeout)+`" in its client block`, "the node %s gives a run %s to tear down, not %s", node.Name, span(limit), span(killTimeout))
		}
	}
	switch {
	case len(unasked) > 0:
		d.say(Doubt, `make sure that their client block has max_kill_timeout = "`+span(killTimeout)+`"; whoever has agent read can ask`, "how long a run may take to tear down could not be asked on %s", strings.Join(unasked, ", "))
	case !low:
		d.fine("every node gives a run the time to tear down")
	}
}

func (d *doctor) maxKillTimeout(ctx context.Context, node string) (time.Duration, error) {
	at, err := d.client.GetNodeClient(node, d.client.Query(ctx, ""))
	if err != nil {
		return 0, err
	}
	var self struct {
		Config struct {
			Client struct{ MaxKillTimeout string }
		} `json:"config"`
	}
	if _, err := at.Raw().Query("/v1/agent/self", &self, d.client.Query(ctx, "")); err != nil {
		return 0, err
	}
	return time.ParseDuration(cmp.Or(self.Config.Client.MaxKillTimeout, "30s"))
}

// offers compares what enrolments need with what nodes offer.
func (d *doctor) offers(ctx context.Context, nodes []*api.NodeListStub) {
	offered := map[string][]string{}
	for _, node := range nodes {
		info, _, err := d.client.Nodes().Info(node.ID, d.client.Query(ctx, ""))
		if err != nil {
			d.trouble("the node "+node.Name, err)
			return
		}
		for offer := range strings.SplitSeq(info.Meta[cluster.NodeCapabilities], ",") {
			if offer = strings.TrimSpace(offer); offer != "" {
				offered[node.ID] = append(offered[node.ID], offer)
			}
		}
	}
	good := true
	for _, e := range d.options.Recipes {
		able := slices.ContainsFunc(nodes, func(node *api.NodeListStub) bool {
			return !slices.ContainsFunc(e.Needs, func(need string) bool { return !slices.Contains(offered[node.ID], need) })
		})
		if !able {
			good = false
			d.say(Wrong, `name it in a client's meta: `+cluster.NodeCapabilities+` = "`+strings.Join(e.Needs, ",")+`", or take it out of the enrolment`, "no node offers what the recipe %s needs: %s", e.Name, strings.Join(e.Needs, ", "))
		}
	}
	if good {
		d.fine("what recipes need is offered")
	}
}
