package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch/nomad"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// BenchmarkNomad takes the figures of runs on a real Nomad of one agent.
func BenchmarkNomad(b *testing.B) {
	n := theNomad(b)
	for b.Loop() {
		toRunning(b, n)
		eventsLost(b, n)
		nomadRequests(b, n)
	}
}

// yardstick is a dispatcher for a builder job, in namespaces of its own.
type yardstick struct {
	*stage
	dispatcher *nomad.Dispatcher
}

func newYardstick(b *testing.B, n *nomadCluster, job func(namespace string) *api.Job) *yardstick {
	b.Helper()
	s, err := newStage(forgetest.NewServer(b), b.TempDir(), benchmarked(b))
	if err == nil {
		err = s.onNomad(n, nil)
	}
	if err == nil {
		err = s.register(job(s.namespaces.Runs))
	}
	if err != nil {
		b.Fatal(err)
	}
	y := &yardstick{stage: s}
	y.dispatcher, err = nomad.New(nomad.Config{
		Client: n.client, Namespaces: s.namespaces, Instance: "bench", Root: filepath.Join(s.dir, "runs"), Log: slog.New(slog.DiscardHandler),
		Enrolment: func(name string) (recipes.Enrolment, bool) {
			return recipes.Enrolment{Name: name, Repo: "acme/" + name, Builder: name}, true
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return y
}

func (y *yardstick) request(recipe string) run.Request {
	commit := strings.Repeat("0123456789", 4)
	return run.Request{ID: run.NewID(time.Now()), Recipe: recipe, Limit: time.Minute, Code: run.Code{URL: "http://127.0.0.1/acme/" + recipe, Ref: "refs/pull/1/head", Commit: commit}}
}

// running waits until the job's allocation runs, or has.
func (y *yardstick) running(b *testing.B, job string) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		allocs, _, err := y.nomad.client.Jobs().Allocations(job, true, &api.QueryOptions{Namespace: y.namespaces.Runs})
		if err != nil {
			b.Fatal(err)
		}
		if len(allocs) > 0 && allocs[0].ClientStatus != api.AllocClientStatusPending {
			return
		}
	}
	b.Fatalf("the job %s does not run", job)
}

// toRunning compares a request that is dispatched with a bare dispatch of the same
// no-op, turn by turn.
func toRunning(b *testing.B, n *nomadCluster) {
	const turns = 15
	y := newYardstick(b, n, func(namespace string) *api.Job { return builderJob(namespace, "noop", "exit 0") })
	meta := map[string]string{}
	for _, key := range cluster.RequiredMeta {
		meta[key] = "x"
	}
	var ours, bare []time.Duration
	for range turns {
		began := time.Now()
		made, _, err := y.nomad.client.Jobs().Dispatch("noop", meta, nil, "", &api.WriteOptions{Namespace: y.namespaces.Runs})
		if err != nil {
			b.Fatal(err)
		}
		y.running(b, made.DispatchedJobID)
		bare = append(bare, time.Since(began))

		began = time.Now()
		r := y.request("noop")
		if err := y.dispatcher.Dispatch(b.Context(), r, 1, run.Lease{Expires: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
		jobs, _, err := y.nomad.client.Jobs().List(&api.QueryOptions{Namespace: y.namespaces.Runs, Prefix: "noop" + cluster.ChildMarker(r.ID, 1)})
		if err != nil || len(jobs) != 1 {
			b.Fatalf("%d jobs of a run: %v", len(jobs), err)
		}
		y.running(b, jobs[0].ID)
		ours = append(ours, time.Since(began))
	}
	slices.Sort(ours)
	slices.Sort(bare)
	figure(b, "Nomad: request to running, by a bare dispatch", "ratio", float64(ours[turns/2])/float64(bare[turns/2]), &bound{"<=", 1.3})
}

// eventsLost kills the agent in the middle of a run that writes events all the time.
func eventsLost(b *testing.B, n *nomadCluster) {
	if len(n.servers) == 0 {
		b.Skip("the cluster is somebody else's: its agent is not killed")
	}
	const events = 200
	script := fmt.Sprintf(`mkdir -p "$NOMAD_ALLOC_DIR/seatrial"; for i in $(seq 1 %d); do
echo '{"run":"'$NOMAD_META_RUN_ID'","attempt":1,"source":"harness","seq":'$i',"at":"2026-01-01T00:00:00Z","kind":"progress"}' >> "$NOMAD_ALLOC_DIR/seatrial/events.jsonl"; sleep 0.04; done
echo '{"run":"'$NOMAD_META_RUN_ID'","attempt":1,"source":"harness","seq":%d,"at":"2026-01-01T00:00:00Z","kind":"finished"}' >> "$NOMAD_ALLOC_DIR/seatrial/events.jsonl"`, events, events+1)
	y := newYardstick(b, n, func(namespace string) *api.Job {
		job := builderJob(namespace, "talker", script)
		job.ParameterizedJob.MetaOptional = []string{cluster.MetaRunID, cluster.MetaAttempt}
		return job
	})
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	listening := make(chan error, 1)
	go func() { listening <- y.dispatcher.Run(ctx) }()
	r := y.request("talker")
	if err := y.dispatcher.Dispatch(ctx, r, 1, run.Lease{Expires: time.Now().Add(time.Hour)}); err != nil {
		b.Fatal(err)
	}
	seen := map[int64]bool{}
	for e, err := range y.dispatcher.Follow(ctx, r.ID, 1, 0) {
		if err != nil {
			b.Fatal(err)
		}
		seen[e.Seq] = true
		if len(seen) == events/4 {
			n.servers[0].Kill()
			if err := n.servers[0].Restart(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
	cancel()
	<-listening
	figure(b, fmt.Sprintf("Nomad: events lost of %d over an agent's restart", events+1), "events", float64(events+1-len(seen)), &bound{"=", 0})
}

// nomadRequests counts what a server asks of Nomad: for a guestbook's run, and while
// nothing happens.
func nomadRequests(b *testing.B, n *nomadCluster) {
	target, err := url.Parse(n.addr)
	if err != nil {
		b.Fatal(err)
	}
	var asked atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	counter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	defer counter.Close()
	s, err := newStage(forgetest.NewServer(b), b.TempDir(), benchmarked(b))
	if err != nil {
		b.Fatal(err)
	}
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	check(s.onNomad(n, nil))
	through := *n
	through.addr = counter.URL
	s.nomad = &through
	s.serveFlags = []string{"--janitor", "10m"} // its default: stories have it come more often
	check(s.serve())
	defer s.bridge.kill()
	time.Sleep(2 * time.Second) // what a start asks
	const idle = time.Minute
	before := asked.Load()
	time.Sleep(idle)
	figure(b, "Nomad: requests per idle minute", "requests", float64(asked.Load()-before), nil)
	before = asked.Load()
	_, err = s.world.Comment(s.repo, s.pull, s.name("anna"), "!testme")
	check(err)
	check(s.expectStatus(false, []string{"success"}))
	time.Sleep(2 * time.Second) // what an end asks
	figure(b, "Nomad: requests for a guestbook's run", "requests", float64(asked.Load()-before), nil)
}
