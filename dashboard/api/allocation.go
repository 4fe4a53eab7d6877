package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"seatrial/dashboard/page"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

const (
	// maxLatest is how many allocations a list holds.
	maxLatest = 10
	// lookBack is how many runs, newest first, are searched for an allocation. A cluster
	// forgets its allocations long before so many are through.
	lookBack = 1000
	// pageSize is how many of them are read at once.
	pageSize = 100
)

// Allocations are the latest of them, newest run first.
type Allocations struct {
	Allocations []Allocation `json:"allocations"`
}

// Allocation is the place of a run's latest attempt on the cluster. Earlier attempts
// are not listed: what they answered does not count.
type Allocation struct {
	ID        string      `json:"id"` // Nomad's
	Run       run.ID      `json:"run"`
	Attempt   int         `json:"attempt"`
	Recipe    string      `json:"recipe"`
	Job       string      `json:"job"`               // the dispatched job's ID
	Node      string      `json:"node"`              // the node's name
	StartedAt time.Time   `json:"started_at"`        // of the attempt
	EndedAt   time.Time   `json:"ended_at,omitzero"` // of the run; absent while it goes on
	State     run.State   `json:"state"`             // waiting, starting, running, tearing down, ended
	Verdict   run.Verdict `json:"verdict"`           // pending, pass, fail, unverified
	Ending    run.Ending  `json:"ending,omitempty"`  // why not everything was answered
	Links     Links       `json:"links"`
}

// Links lead to more about an allocation. Those to Nomad's own pages are absent where
// the operator gave no address for them, those to the output where logs of jobs cannot
// be had.
type Links struct {
	Run             string `json:"run"`    // the page
	Result          string `json:"result"` // JSON
	Log             string `json:"log"`    // of the latest attempt, as text
	Stdout          string `json:"stdout,omitempty"`
	Stderr          string `json:"stderr,omitempty"`
	NomadJob        string `json:"nomad_job,omitempty"`
	NomadAllocation string `json:"nomad_allocation,omitempty"`
}

// allocations answers with the latest ones.
func (s *Service) allocations(w http.ResponseWriter, r *http.Request) {
	found := Allocations{Allocations: []Allocation{}}
	err := s.search(r.Context(), func(a Allocation) bool {
		found.Allocations = append(found.Allocations, a)
		return len(found.Allocations) < maxLatest
	})
	if err != nil {
		s.broken(w, r, err)
		return
	}
	s.answer(w, r, found)
}

// allocationPrefix is the beginning of an allocation's ID, which is a UUID: 8 digits or more.
var allocationPrefix = lazyregexp.New(`^[0-9a-f]{8}(-[0-9a-f-]{0,27})?$`)

const wholeID = 36

// allocation answers with the one that an ID, or the beginning of one, names.
func (s *Service) allocation(w http.ResponseWriter, r *http.Request) {
	id := strings.ToLower(r.PathValue("id"))
	if !allocationPrefix.MatchString(id) {
		problem(w, r, http.StatusBadRequest, "This is not the ID of an allocation: give it whole, or its first 8 characters or more.")
		return
	}
	var found []Allocation
	err := s.search(r.Context(), func(a Allocation) bool {
		if strings.HasPrefix(a.ID, id) {
			found = append(found, a)
		}
		return len(found) < 2 && (len(found) == 0 || len(id) < wholeID)
	})
	switch {
	case err != nil:
		s.broken(w, r, err)
	case len(found) == 0:
		problem(w, r, http.StatusNotFound, fmt.Sprintf("None of the latest %d runs is in an allocation with this ID. Older runs are known by their own ID: /runs/ID.json", lookBack))
	case len(found) > 1:
		problem(w, r, http.StatusBadRequest, fmt.Sprintf("More than one allocation begins like this, %s and %s among them: give more of the ID.", found[0].ID, found[1].ID))
	default:
		s.answer(w, r, found[0])
	}
}

// search calls yield with the allocations of the latest runs until it says no.
func (s *Service) search(ctx context.Context, yield func(Allocation) bool) error {
	before := run.ID("")
	for range lookBack / pageSize {
		reports, err := s.Journal.Reports(ctx, journal.Filter{Before: before, Limit: pageSize})
		if err != nil {
			return fmt.Errorf("cannot look for allocations: %w", err)
		}
		for _, report := range reports {
			if started := report.Started; started != nil && started.Alloc != "" && !yield(s.of(report)) {
				return nil
			}
		}
		if len(reports) < pageSize {
			return nil
		}
		before = reports[len(reports)-1].Request.ID
	}
	return nil
}

// of is the allocation of a run that has one.
func (s *Service) of(r run.Report) Allocation {
	at, here := r.Started, "/runs/"+string(r.Request.ID)
	a := Allocation{
		ID: at.Alloc, Run: r.Request.ID, Attempt: r.Attempt, Recipe: r.Request.Recipe, Job: at.Job, Node: at.Node,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, State: r.State, Verdict: r.Verdict(), Ending: r.Ending,
		Links: Links{
			Run: s.link(here), Result: s.link(here + ".json"), Log: s.link(here + "/log.txt"),
			NomadJob: s.Nomad.Job(at.Job), NomadAllocation: s.Nomad.Allocation(at.Alloc),
		},
	}
	if s.JobLogs {
		a.Links.Stdout, a.Links.Stderr = s.link(page.OutputPath(at.Job, "stdout")), s.link(page.OutputPath(at.Job, "stderr"))
	}
	return a
}
