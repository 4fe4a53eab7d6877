package server

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seatrial/bridge/dispatch"
	"seatrial/dashboard"
	"seatrial/dashboard/page"
	"seatrial/harness/cluster"
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
	var nodes func(context.Context) cluster.Snapshot
	if sv.executor.nodes != nil {
		nodes = func(ctx context.Context) cluster.Snapshot {
			shot := sv.executor.nodes()
			placeRuns(ctx, shot.Nodes, pages)
			return shot
		}
	}
	metrics := []prometheus.Collector{sv.bridge.Metrics()}
	if sv.hooks != nil {
		metrics = append(metrics, sv.hooks)
	}
	return dashboard.New(dashboard.Config{
		Collectors: metrics,
		Unenrolled: func(ctx context.Context) []page.UnenrolledRepo {
			return shownUnenrolled(ctx, pages, sv.bridge.Enrolled, time.Now())
		},
		Cluster: nodes, NomadRequests: requests,
		JobLog: sv.executor.log, NomadURL: sv.Nomad.URL, NomadNamespace: namespace,
		Journal:    pages,
		Queue:      sv.queue.Snapshot,
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

// placeRuns says what is under way where. It is a courtesy: where the journal cannot be
// read, the page says so elsewhere.
func placeRuns(ctx context.Context, nodes []cluster.Node, from journal.Reader) {
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
		e.Forge = cmp.Or(e.Forge, first) // an enrolment that names no forge means the first one
		shown.Recipes = append(shown.Recipes, e)
	}
	for _, p := range book.Problems {
		shown.Problems = append(shown.Problems, p.String())
	}
	return shown
}
