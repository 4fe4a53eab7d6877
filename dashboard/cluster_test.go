package dashboard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

func TestARunOnAClusterSaysWhere(t *testing.T) {
	d := newDashboard(t, sample.OnCluster)
	for name, tt := range map[string]struct {
		id    run.ID
		alloc string
		node  string
	}{
		"one that ended":   {sample.ClusterPassed, sample.AllocPassed, "ci-node-1"},
		"one that goes on": {sample.ClusterRunning, sample.AllocRunning, "ci-node-2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := get(t, d, "/runs/"+string(tt.id))
			links := map[string]string{}
			parse(t, body, func(n *html.Node, attr map[string]string) {
				if n.Data == "a" {
					links[text(n)] = attr["href"]
				}
			})
			job := sample.ClusterJob(tt.id)
			if want := sample.NomadURL + "/ui/jobs/" + strings.ReplaceAll(job, "/", "%2F") + "@ci"; links[job] != want {
				t.Errorf("the job leads to %q, want %q", links[job], want)
			}
			if want := sample.NomadURL + "/ui/allocations/" + tt.alloc; links[tt.alloc] != want {
				t.Errorf("the allocation leads to %q, want %q", links[tt.alloc], want)
			}
			if !strings.HasPrefix(links[tt.node], sample.NomadURL+"/ui/clients/") {
				t.Errorf("the node leads to %q", links[tt.node])
			}
			if resp, body := get(t, d, links["stderr"]); resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "stderr of "+job) {
				t.Errorf("%s: %s %q", links["stderr"], resp.Status, body)
			}
			for _, line := range []string{"nomad alloc status -namespace=ci " + tt.alloc, "nomad alloc logs -namespace=ci " + tt.alloc + " executor"} {
				if !strings.Contains(body, line) {
					t.Errorf("does not say %q", line)
				}
			}
		})
	}
}

func TestWithoutAnAddressNothingLinksToNomad(t *testing.T) {
	for name, address := range map[string]string{"none": "", "a script": "javascript:alert(1)//", "a password": "https://ada:pw@nomad.example.org"} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t, func(c *dashboard.Config) {
				sample.OnCluster(c)
				c.NomadURL, c.NomadNamespace = address, "builds"
			})
			for _, path := range []string{"/", "/runs/" + string(sample.ClusterPassed), "/api/v1/allocation", "/api/v1/node"} {
				if _, body := get(t, d, path); strings.Contains(body, "/ui/") || address != "" && strings.Contains(body, address) {
					t.Errorf("%s leads to Nomad", path)
				}
			}
			if _, body := get(t, d, "/runs/"+string(sample.ClusterPassed)); !strings.Contains(body, "nomad alloc status -namespace=builds "+sample.AllocPassed) {
				t.Error("the commands should be there all the same")
			}
		})
	}
}

func TestAClusterThatDoesNotAnswerIsSaid(t *testing.T) {
	for name, tt := range map[string]struct {
		cluster cluster.Snapshot
		says    string
	}{
		"away, with what was seen": {sample.ClusterAway(t.Context()), "shown as they were then"},
		"never seen":               {cluster.Snapshot{AwaySince: sample.Now}, "Nomad does not answer"},
		"no nodes":                 {cluster.Snapshot{}, "start a Nomad client"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t, func(c *dashboard.Config) { c.Cluster = func(context.Context) cluster.Snapshot { return tt.cluster } })
			if _, body := get(t, d, "/"); !strings.Contains(body, tt.says) {
				t.Errorf("the index does not say %q", tt.says)
			}
			var list struct{ Answers bool }
			_, body := get(t, d, "/api/v1/node")
			if err := json.Unmarshal([]byte(body), &list); err != nil || list.Answers == tt.cluster.Away() {
				t.Errorf("%v %s", err, body)
			}
		})
	}
}

func TestAddressesOfTheCluster(t *testing.T) {
	without, with := newDashboard(t, nil), newDashboard(t, sample.OnCluster)
	follow := "/build?" + url.Values{"job": {sample.ClusterJob(sample.ClusterPassed)}, "log": {"stdout"}}.Encode()
	for _, tt := range []struct {
		d            *dashboard.Dashboard
		method, path string
		status       int
	}{
		{without, "GET", "/api/v1/allocation", 200}, {without, "GET", "/api/v1/node", 404}, {without, "GET", follow, 404}, {without, "GET", "/metrics", 200},
		{with, "GET", "/api/v1/allocation", 200}, {with, "HEAD", "/api/v1/allocation", 200}, {with, "POST", "/api/v1/allocation", 405}, {with, "GET", "/api/v1/allocation/", 404},
		{with, "GET", "/api/v1/node", 200}, {with, "DELETE", "/api/v1/node", 405}, {with, "GET", "/api/v2", 404}, {with, "POST", "/api/v1/nothing", 404},
		{with, "GET", follow, 200}, {with, "GET", "/build", 400}, {with, "POST", follow, 405}, {with, "POST", "/metrics", 405},
	} {
		resp, body := ask(t, tt.d, tt.method, tt.path)
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s: %s, want %d", tt.method, tt.path, resp.Status, tt.status)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s may be sniffed", tt.method, tt.path)
		}
		if strings.HasPrefix(tt.path, "/api/") && resp.StatusCode >= 400 {
			var problem struct {
				Status        int
				Title, Detail string
			}
			if err := json.Unmarshal([]byte(body), &problem); err != nil || problem.Status != tt.status || problem.Title == "" || problem.Detail == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s is not a problem document: %s %s", tt.method, tt.path, resp.Header.Get("Content-Type"), body)
			}
		}
		if resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow %q", tt.method, tt.path, resp.Header.Get("Allow"))
		}
	}
}

func TestTheAPIHasTheHeadersOfAResult(t *testing.T) {
	d := newDashboard(t, sample.OnCluster)
	result, _ := get(t, d, "/runs/"+string(sample.ClusterPassed)+".json")
	for _, path := range []string{"/api/v1/allocation", "/api/v1/allocation/" + sample.AllocPassed, "/api/v1/node"} {
		resp, _ := get(t, d, path)
		for name := range result.Header {
			if got, want := resp.Header.Get(name), result.Header.Get(name); got != want && name != "Etag" && name != "Content-Length" {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if again, _ := get(t, d, path, "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s with its ETag: %s", path, again.Status)
		}
	}
}

var (
	documented = regexp.MustCompile("(?m)^\\| `(seatrial_[a-z_]+)((?:\\{[a-z]+\\})?)` \\| (counter|gauge) \\| (.+) \\|$")
	exposed    = regexp.MustCompile(`(?m)^# HELP (seatrial_[a-z_]+) (.+)\n# TYPE seatrial_[a-z_]+ (counter|gauge)\nseatrial_[a-z_]+((?:\{[a-z]+=)?)`)
)

func TestTheReferenceKnowsEveryMetric(t *testing.T) {
	doc, err := os.ReadFile("../docs/reference/dashboard.md")
	if err != nil {
		t.Fatal(err)
	}
	var said, is []string
	for _, m := range documented.FindAllStringSubmatch(string(doc), -1) {
		if strings.HasPrefix(m[1], "seatrial_forge_") {
			continue // the bridge's, which its own test compares
		}
		said = append(said, m[1]+strings.TrimSuffix(m[2], "}")+" "+m[3]+" "+m[4])
	}
	_, body := get(t, newDashboard(t, sample.OnCluster), "/metrics")
	for _, m := range exposed.FindAllStringSubmatch(body, -1) {
		is = append(is, m[1]+strings.TrimSuffix(m[4], "=")+" "+m[3]+" "+m[2])
	}
	if n := strings.Count(body, "# HELP seatrial_"); n != len(is) {
		t.Errorf("%d of %d metrics were understood", len(is), n)
	}
	slices.Sort(said)
	slices.Sort(is)
	if !slices.Equal(said, is) {
		t.Errorf("docs/reference/dashboard.md says\n%s\n/metrics says\n%s", strings.Join(said, "\n"), strings.Join(is, "\n"))
	}
}

func TestMetricsCount(t *testing.T) {
	_, body := get(t, newDashboard(t, sample.OnCluster), "/metrics")
	for _, line := range []string{
		`seatrial_runs{state="waiting"} 1`, `seatrial_runs{state="running"} 2`, `seatrial_slots{state="taken"} 1`, `seatrial_slots{state="cleaning"} 1`,
		`seatrial_nomad_up 1`, `seatrial_nomad_nodes{state="ready"} 2`, `seatrial_nomad_nodes{state="draining"} 1`, `seatrial_nomad_nodes{state="down"} 2`,
		`seatrial_nomad_nodes{state="ineligible"} 1`, `seatrial_nomad_requests_total 42`, `seatrial_journal_up 1`, `seatrial_build_info{version="1.0.0"} 1`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if _, body := get(t, newDashboard(t, nil), "/metrics"); strings.Contains(body, "nomad") {
		t.Error("there is no cluster to speak of")
	}
	broken := newDashboard(t, func(c *dashboard.Config) { c.Journal = &broken{Journal: sample.NewJournal()} })
	if resp, body := get(t, broken, "/metrics"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "seatrial_journal_up 0\n") || strings.Contains(body, "seatrial_runs{") {
		t.Errorf("%s %s", resp.Status, body)
	}
}
