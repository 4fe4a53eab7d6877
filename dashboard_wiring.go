package main

import (
	"io"
	"os"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/queue"
	"seatrial/dashboard"
	"seatrial/dashboard/page"
	"seatrial/harness/journal/sqlite"
	"seatrial/harness/run"
	"seatrial/recipes"

	"path/filepath"
	"time"
)

// newDashboard shows what a server knows.
func newDashboard(sv *server, db *sqlite.DB, runs, word string) *dashboard.Dashboard {
	var nomadURL, namespace string
	if sv.cluster != nil {
		nomadURL, namespace = sv.nomadURL, sv.cluster.namespaces.Runs
	}
	return dashboard.New(dashboard.Config{
		JobLog: sv.place.log, NomadURL: nomadURL, NomadNamespace: namespace,
		Journal:    db,
		Queue:      func() page.Queue { return shownQueue(sv.queue.Snapshot()) },
		Enrolments: func() page.Enrolments { return shownEnrolments(sv.enrolments.Book()) },
		OpenLog: func(id run.ID, attempt int) (io.ReadSeekCloser, error) {
			return os.Open(filepath.Join(dispatch.Folder(runs, id, attempt), dispatch.LogFile))
		},
		OpenFiles: func(id run.ID, attempt int) (*os.Root, error) { return os.OpenRoot(dispatch.Folder(runs, id, attempt)) },
		PublicURL: sv.public, Word: word, Now: time.Now, Log: sv.log, Version: version,
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
		q.Waiting = append(q.Waiting, page.Waiting{Run: w.Run, Recipe: w.Recipe, Since: w.Since, Wait: w.Wait, Unmet: w.Unmet})
	}
	return q
}

func shownEnrolments(book *recipes.Book) page.Enrolments {
	var shown page.Enrolments
	for _, e := range book.Enrolments {
		if e.Forge == "" {
			e.Forge = forgeID // an enrolment that names no forge means the first one
		}
		shown.Recipes = append(shown.Recipes, e)
	}
	for _, p := range book.Problems {
		shown.Problems = append(shown.Problems, p.String())
	}
	return shown
}
