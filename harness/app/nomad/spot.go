package nomad

import (
	"slices"

	"github.com/hashicorp/nomad/api"
)

// spot is where something of an app is: a task in a group.
type spot struct{ group, task string }

// portHTTP is the label of the port that is the app's own, if it has one.
const portHTTP = "http"

// mainSpot is the task that is the app, for what is not said to be about another: that
// of the group whose port is labelled http, else of the group called web or app, else
// of the first; in it the task called like that, else the first that is no helper.
func mainSpot(job *api.Job) spot {
	preferred := []string{"web", "app"}
	group := func(fits func(g *api.TaskGroup) bool) *api.TaskGroup {
		if i := slices.IndexFunc(job.TaskGroups, fits); i >= 0 {
			return job.TaskGroups[i]
		}
		return nil
	}
	g := group(func(g *api.TaskGroup) bool {
		return slices.ContainsFunc(g.Networks, func(n *api.NetworkResource) bool {
			return slices.ContainsFunc(n.DynamicPorts, func(p api.Port) bool { return p.Label == portHTTP })
		})
	})
	if g == nil {
		g = group(func(g *api.TaskGroup) bool { return slices.Contains(preferred, value(g.Name)) })
	}
	if g == nil {
		g = job.TaskGroups[0]
	}
	best := g.Tasks[0]
	rank := func(t *api.Task) int {
		switch {
		case t.Lifecycle != nil:
			return 0
		case t.Name == value(g.Name), slices.Contains(preferred, t.Name):
			return 2
		default:
			return 1
		}
	}
	for _, t := range g.Tasks {
		if rank(t) > rank(best) {
			best = t
		}
	}
	return spot{value(g.Name), best.Name}
}

// at finds the group and task of a spot.
func at(job *api.Job, p spot) (*api.TaskGroup, *api.Task) {
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			if value(g.Name) == p.group && t.Name == p.task {
				return g, t
			}
		}
	}
	return nil, nil
}

// lasts says that a task is to run for as long as the app does.
func lasts(t *api.Task) bool { return t.Lifecycle == nil || t.Lifecycle.Sidecar }

// find is the spot of a service, which is a task or else a group.
func find(d *deployed, service string) (spot, bool) {
	if service == "" {
		return d.main, true
	}
	for _, g := range d.job.TaskGroups {
		for _, t := range g.Tasks {
			if t.Name == service {
				return spot{value(g.Name), t.Name}, true
			}
		}
	}
	for _, g := range d.job.TaskGroups {
		if value(g.Name) == service {
			return spot{service, g.Tasks[0].Name}, true
		}
	}
	return spot{}, false
}
