package server

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/bridge/queue"
	"seatrial/dashboard"
	"seatrial/dashboard/page"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// newDashboard shows what a server knows.
func (sv *Server) newDashboard() *dashboard.Dashboard {
	pages := sv.journal.Pages()
	var namespace string
	var requests func() uint64
	if sv.cluster != nil {
		namespace, requests = sv.cluster.Namespaces.Runs, sv.cluster.Requests
	}
	var nodes func() page.Cluster
	if sv.executor.nodes != nil {
		nodes = func() page.Cluster {
			c := shownCluster(sv.executor.nodes())
			placeRuns(context.Background(), c.Nodes, pages)
			return c
		}
	}
	metrics := []prometheus.Collector{sv.bridge.Numbers()}
	if sv.hooks != nil {
		metrics = append(metrics, sv.hooks)
	}
	return dashboard.New(dashboard.Config{
		Collectors: metrics,
		Strangers: func() []page.Stranger {
			return shownUnenrolled(context.Background(), pages, sv.bridge.Enrolled, time.Now())
		},
		Cluster: nodes, NomadRequests: requests,
		JobLog: sv.executor.log, NomadURL: sv.Nomad.URL, NomadNamespace: namespace,
		Journal:    pages,
		Queue:      func() page.Queue { return shownQueue(sv.queue.Snapshot()) },
		Enrolments: func() page.Enrolments { return shownEnrolments(sv.enrolments.Book(), sv.forges[0].ID) },
		OpenLog: func(id run.ID, attempt int) (io.ReadSeekCloser, error) {
			return os.Open(filepath.Join(dispatch.Folder(sv.runs, id, attempt), dispatch.LogFile))
		},
		OpenFiles: func(id run.ID, attempt int) (*os.Root, error) {
			return os.OpenRoot(dispatch.Folder(sv.runs, id, attempt))
		},
		PublicURL: sv.PublicURL, Word: sv.Word, Now: time.Now, Log: sv.Log, Version: sv.Version,
	})
}

func shownQueue(s queue.Snapshot) page.Queue {
	var q page.Queue
	for _, slot := range s.Slots {
		q.Slots = append(q.Slots, page.Slot{
			Number: slot.Number, Run: slot.Run, Recipe: slot.Recipe, Since: slot.Since, Expires: slot.Lease.Expires, Leftovers: slot.Leftovers,
		})
	}
	for _, w := range s.Waiting {
		q.Waiting = append(q.Waiting, page.Waiting{Run: w.Run, Recipe: w.Recipe, Since: w.Since, Wait: w.Wait, Unmet: w.Unmet, Fetching: w.Preparing})
	}
	return q
}

func shownCluster(nodes []nomad.Node, away time.Time) page.Cluster {
	c := page.Cluster{AwaySince: away}
	for _, n := range nodes {
		node := page.Node{ID: n.ID, Name: n.Name, Status: n.Status, Eligible: n.Eligible, Draining: n.Draining, Capabilities: n.Capabilities}
		for _, name := range slices.Sorted(maps.Keys(n.Drivers)) {
			node.Drivers = append(node.Drivers, page.Driver{Name: name, Healthy: n.Drivers[name]})
		}
		c.Nodes = append(c.Nodes, node)
	}
	return c
}

// placeRuns says what is under way where. It is a courtesy: where the journal cannot be
// read, the page says so elsewhere.
func placeRuns(ctx context.Context, nodes []page.Node, from journal.Reader) {
	open, err := from.Reports(ctx, journal.Filter{Open: true, Limit: mostShown})
	if err != nil {
		return
	}
	for _, r := range open {
		for i := range nodes {
			if r.Started != nil && r.Started.Node == nodes[i].Name {
				nodes[i].Runs = append(nodes[i].Runs, r.Request.ID)
			}
		}
	}
}

// mostShown is more than are ever under way at once.
const mostShown = 1000

func shownEnrolments(book *recipes.Book, first string) page.Enrolments {
	var shown page.Enrolments
	for _, e := range book.Enrolments {
		if e.Forge == "" {
			e.Forge = first // an enrolment that names no forge means the first one
		}
		shown.Recipes = append(shown.Recipes, e)
	}
	for _, p := range book.Problems {
		shown.Problems = append(shown.Problems, p.String())
	}
	return shown
}
