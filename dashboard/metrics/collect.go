package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const endedHelp = "Runs that ended since this server started, by verdict. What ended while the journal could not be followed is missing."

var (
	buildInfo        = series("seatrial_build_info", "1, with the version of the program that answers.", "version")
	journalUp        = series("seatrial_journal_up", "1 if the journal could be read for this answer, 0 if not. Without it there are no seatrial_runs and no seatrial_recipes.")
	runsByState      = series("seatrial_runs", "Runs that have not ended, by state.", "state")
	recipesByVerdict = series("seatrial_recipes", "Recipes that were ever tested, by the verdict of their latest run.", "verdict")
	slotsByState     = series("seatrial_slots", "Slots of the queue, by state. A slot that is being cleaned is kept by what a run left over.", "state")
	nomadUp          = series("seatrial_nomad_up", "1 if the cluster answers, 0 if not.")
	nodesByState     = series("seatrial_nomad_nodes", "Nodes of the cluster as they were last seen, by state.", "state")
	nomadRequests    = series("seatrial_nomad_requests_total", "Requests made to the cluster since this server started.")
)

func series(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	states   = []run.State{run.Waiting, run.Starting, run.Running, run.TearingDown}
	verdicts = []run.Verdict{run.VerdictPass, run.VerdictFail, run.VerdictUnverified}
)

// The states of a slot.
const (
	slotFree     = "free"
	slotTaken    = "taken"
	slotCleaning = "cleaning"
)

func (s *Service) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildInfo, journalUp, runsByState, recipesByVerdict, slotsByState, nomadUp, nodesByState, nomadRequests} {
		to <- d
	}
}

// Collect implements prometheus.Collector: it reads everything anew.
func (s *Service) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit) // a Collector is given none
	defer cancel()
	gauge(buildInfo, 1, s.Version)
	s.collectRuns(ctx, gauge)
	if s.Queue != nil {
		n := map[string]int{slotFree: 0, slotTaken: 0, slotCleaning: 0}
		for _, slot := range s.Queue().Slots {
			n[slotState(slot)]++
		}
		for state, n := range n {
			gauge(slotsByState, n, state)
		}
	}
	if s.Cluster != nil {
		known := s.Cluster(ctx)
		gauge(nomadUp, oneOrZero(!known.Away()))
		n := map[cluster.NodeState]int{}
		for _, node := range known.Nodes {
			n[node.State()]++
		}
		for _, state := range cluster.NodeStates() {
			gauge(nodesByState, n[state], string(state))
		}
	}
	if s.Requests != nil {
		to <- prometheus.MustNewConstMetric(nomadRequests, prometheus.CounterValue, float64(s.Requests()))
	}
}

// collectRuns says what the journal holds, or that it could not be read.
func (s *Service) collectRuns(ctx context.Context, gauge func(d *prometheus.Desc, n int, labels ...string)) {
	open, err := s.Journal.Reports(ctx, journal.Filter{Open: true, Limit: maxOpen})
	var tested []run.Report
	if err == nil {
		tested, err = s.Journal.LatestRuns(ctx)
	}
	gauge(journalUp, oneOrZero(err == nil))
	if err != nil {
		s.Log.Error("cannot count runs", "err", err)
		return
	}
	byState, byVerdict := map[run.State]int{}, map[run.Verdict]int{}
	for _, r := range open {
		byState[r.State]++
	}
	for _, r := range tested {
		byVerdict[r.Verdict()]++
	}
	for _, state := range states {
		gauge(runsByState, byState[state], string(state))
	}
	for _, v := range append([]run.Verdict{run.VerdictPending}, verdicts...) {
		gauge(recipesByVerdict, byVerdict[v], string(v))
	}
}

func slotState(s run.Slot) string {
	switch {
	case len(s.Leftovers) > 0:
		return slotCleaning
	case s.Run != "":
		return slotTaken
	}
	return slotFree
}

func oneOrZero(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
