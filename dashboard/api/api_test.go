package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"seatrial/dashboard/page"
	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/respond"
)

// reports is a journal: newest first.
type reports []run.Report

func (all reports) Reports(_ context.Context, filter journal.Filter) (found []run.Report, err error) {
	for _, r := range all {
		if len(found) < filter.Max() && filter.Match(&r) {
			found = append(found, r)
		}
	}
	return found, nil
}

type broken struct{}

func (broken) Reports(context.Context, journal.Filter) ([]run.Report, error) {
	return nil, errors.New("disk I/O error")
}

func id(n int) run.ID {
	ms := ulid.Timestamp(time.Unix(1_795_000_000+int64(n), 0))
	return run.ID(strings.ToLower(ulid.MustNew(ms, bytes.NewReader(make([]byte, 10))).String()))
}

func alloc(n int) string { return fmt.Sprintf("%08x-93b3-52ac-91f6-2a0d7a7f3c01", n) }

// on is the n-th run, which is on a cluster unless alloc is empty.
func on(n int, alloc string) run.Report {
	r := run.Report{Request: run.Request{ID: id(n), Recipe: "guestbook"}, State: run.Running, Attempt: 1, StartedAt: time.Unix(int64(n), 0).UTC()}
	r.Started = &run.Started{Job: cluster.JobRun + cluster.ChildMarker(id(n), 1) + "1795620079-9f82d137", Alloc: alloc, Node: "ci-node-1"}
	if alloc == "" {
		r.Started = &run.Started{PID: 1}
	}
	return r
}

// latestFirst makes n runs; every third is on one machine, and one has not begun.
func latestFirst(n int) (all reports) {
	all = append(all, run.Report{Request: run.Request{ID: id(n)}, State: run.Waiting})
	for i := n - 1; i >= 0; i-- {
		where := alloc(i)
		if i%3 == 0 {
			where = ""
		}
		all = append(all, on(i, where))
	}
	return all
}

func ask(t *testing.T, c Config, path string, into any) (status int, body string) {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	mux := http.NewServeMux()
	New(c).Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return w.Code, w.Body.String()
}

func TestTheLatestAllocations(t *testing.T) {
	var list Allocations
	ask(t, Config{Journal: latestFirst(500)}, "/api/v1/allocation", &list)
	want := []int{499, 497, 496, 494, 493, 491, 490, 488, 487, 485}
	for i, a := range list.Allocations {
		if i >= len(want) || a.ID != alloc(want[i]) || a.Run != id(want[i]) {
			t.Errorf("entry %d is %s of %s", i, a.ID, a.Run)
		}
	}
	if len(list.Allocations) != len(want) {
		t.Errorf("there are %d", len(list.Allocations))
	}
	if _, body := ask(t, Config{Journal: reports{}}, "/api/v1/allocation", &list); !strings.Contains(body, `"allocations": []`) {
		t.Errorf("of an empty journal: %s", body)
	}
}

func TestAnAllocationSaysEverything(t *testing.T) {
	r := on(7, alloc(7))
	r.Attempt, r.State, r.Ending, r.EndedAt = 2, run.Ended, run.EndLost, time.Unix(99, 0).UTC()
	var got Allocation
	ask(t, Config{Journal: reports{r}, Nomad: page.NewNomad("https://nomad.example.org/", "ci"), JobLogs: true, PublicURL: "https://seatrial.example.org"}, "/api/v1/allocation/"+alloc(7), &got)
	here, job := "https://seatrial.example.org/runs/"+string(id(7)), strings.ReplaceAll(r.Started.Job, "/", "%2F")
	want := Allocation{
		ID: alloc(7), Run: id(7), Attempt: 2, Recipe: "guestbook", Job: r.Started.Job, Node: "ci-node-1", StartedAt: r.StartedAt, EndedAt: r.EndedAt,
		State: run.Ended, Verdict: run.VerdictUnverified, Ending: run.EndLost,
		Links: Links{
			Run: here, Result: here + ".json", Log: here + "/log.txt",
			Stdout:   "https://seatrial.example.org/build?job=" + job + "&log=stdout",
			Stderr:   "https://seatrial.example.org/build?job=" + job + "&log=stderr",
			NomadJob: "https://nomad.example.org/ui/jobs/" + job + "@ci", NomadAllocation: "https://nomad.example.org/ui/allocations/" + alloc(7),
		},
	}
	if got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestFindingAnAllocation(t *testing.T) {
	all := append(latestFirst(1500), on(-1, "ffffffff-93b3-52ac-91f6-2a0d7a7f3c01"))
	twin := strings.Replace(alloc(1400), "93b3", "93b4", 1)
	all[5].Started.Alloc = twin
	for name, tt := range map[string]struct {
		asked  string
		status int
		says   string
	}{
		"the whole ID":           {alloc(1396), 200, string(id(1396))},
		"8 characters":           {alloc(1396)[:8], 200, string(id(1396))},
		"with a dash":            {alloc(1396)[:11], 200, string(id(1396))},
		"in capitals":            {strings.ToUpper(alloc(1396)), 200, string(id(1396))},
		"the beginning of two":   {twin[:12], 400, "give more of the ID"},
		"what tells the two":     {twin[:13], 200, twin},
		"7 characters":           {alloc(1396)[:7], 400, "first 8 characters"},
		"no hexadecimal":         {"zzzzzzzz", 400, "not the ID"},
		"more than an ID":        {alloc(1396) + "0", 400, "not the ID"},
		"a script":               {"%3Cscript%3E", 400, "not the ID"},
		"an unknown one":         {alloc(4000), 404, "latest 1000 runs"},
		"one too long ago":       {alloc(400), 404, "/runs/ID.json"},
		"the last one looked at": {alloc(502), 200, string(id(502))},
	} {
		t.Run(name, func(t *testing.T) {
			var any map[string]any
			if status, body := ask(t, Config{Journal: all}, "/api/v1/allocation/"+tt.asked, &any); status != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestAJournalThatCannotBeRead(t *testing.T) {
	for _, path := range []string{"/api/v1/allocation", "/api/v1/allocation/" + alloc(1)} {
		var p respond.Problem
		if status, body := ask(t, Config{Journal: broken{}}, path, &p); status != http.StatusInternalServerError || p.Status != status || !strings.Contains(p.Detail, "ask again") || strings.Contains(body, "I/O") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestNodes(t *testing.T) {
	var list Nodes
	known := cluster.Snapshot{Nodes: []cluster.Node{
		{ID: alloc(1), Name: "one", Status: "ready", Eligible: true, Drivers: []cluster.Driver{{Name: "exec", Healthy: true}}, Capabilities: []string{"kvm"}, Runs: []run.ID{id(1)}},
		{Name: "two", Status: "down", Draining: true},
	}}
	c := Config{Journal: reports{}, Cluster: func(context.Context) cluster.Snapshot { return known }, Nomad: page.NewNomad("https://nomad.example.org", "")}
	_, body := ask(t, c, "/api/v1/node", &list)
	if !list.Answers || len(list.Nodes) != 2 || list.Nodes[0].State != cluster.NodeReady || list.Nodes[1].State != cluster.NodeDown {
		t.Errorf("got %s", body)
	}
	for _, says := range []string{`"healthy": true`, `"kvm"`, string(id(1)), `"runs": []`, `"drivers": []`, `"link": "https://nomad.example.org/ui/clients/` + alloc(1)} {
		if !strings.Contains(body, says) {
			t.Errorf("%s is not in %s", says, body)
		}
	}
	known.AwaySince = time.Unix(5, 0)
	if _, body := ask(t, c, "/api/v1/node", &list); list.Answers || !strings.Contains(body, `"away_since"`) {
		t.Errorf("got %s", body)
	}
}
