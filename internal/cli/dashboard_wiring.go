package cli

import (
	"context"
	"io"
	"os"

	"seatrial/bridge/dispatch"
	"seatrial/dashboard"
	"seatrial/dashboard/page"
	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/store"

	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// newDashboard shows what a server knows.
func newDashboard(sv *server, db *store.DB, runs, word string) *dashboard.Dashboard {
	var nomadURL, namespace string
	var requests func() uint64
	if sv.cluster != nil {
		nomadURL, namespace, requests = sv.nomadURL, sv.cluster.namespaces.Runs, sv.cluster.client.Requests
	}
	var nodes func(context.Context) cluster.Snapshot
	if sv.place.nodes != nil {
		nodes = func(ctx context.Context) cluster.Snapshot {
			shot := sv.place.nodes()
			placeRuns(ctx, shot.Nodes, db)
			return shot
		}
	}
	collectors := []prometheus.Collector{sv.bridge.Numbers()}
	if sv.hooks != nil {
		collectors = append(collectors, sv.hooks)
	}
	return dashboard.New(dashboard.Config{
		Collectors: collectors,
		Unenrolled: func(ctx context.Context) []page.UnenrolledRepo {
			return shownUnenrolled(ctx, db, sv.bridge.Enrolled, time.Now())
		},
		Cluster: nodes, NomadRequests: requests,
		JobLog: sv.place.log, NomadURL: nomadURL, NomadNamespace: namespace,
		Journal:    db,
		Queue:      sv.queue.Snapshot,
		Enrolments: func() page.Enrolments { return shownEnrolments(sv.enrolments.Book(), sv.forges[0].ID) },
		OpenLog: func(id run.ID, attempt int) (io.ReadSeekCloser, error) {
			return os.Open(filepath.Join(dispatch.Folder(runs, id, attempt), dispatch.LogFile))
		},
		OpenFiles: func(id run.ID, attempt int) (*os.Root, error) { return os.OpenRoot(dispatch.Folder(runs, id, attempt)) },
		PublicURL: sv.public, Word: word, Now: time.Now, Log: sv.log, Version: sv.version,
	})
}

// placeRuns says what is under way where. It is a courtesy: where the journal cannot be
// read, the page says so elsewhere.
func placeRuns(ctx context.Context, nodes []cluster.Node, db *store.DB) {
	open, err := db.Reports(ctx, journal.Filter{Open: true, Limit: mostShown})
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
