package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes/examples"
)

// builderJob is an operator's own: it meets the contract, and is done at once.
func builderJob(namespace, name, script string) *api.Job {
	job := api.NewBatchJob(name, name, "global", 50)
	job.Namespace = &namespace
	job.Datacenters = []string{"*"}
	job.ParameterizedJob = &api.ParameterizedJobConfig{Payload: "forbidden", MetaRequired: cluster.RequiredMeta}
	task := api.NewTask(cluster.Executor, "raw_exec")
	task.SetConfig("command", "/bin/sh").SetConfig("args", []string{"-c", script})
	task.Require(&api.Resources{CPU: ptr(20), MemoryMB: ptr(16)})
	group := api.NewTaskGroup(cluster.Group, 1).AddTask(task)
	group.RestartPolicy = &api.RestartPolicy{Attempts: ptr(0), Mode: ptr("fail")}
	group.ReschedulePolicy = &api.ReschedulePolicy{Attempts: ptr(0), Unlimited: ptr(false)}
	return job.AddTaskGroup(group)
}

func ptr[T any](v T) *T { return &v }

// register registers a job in the story's namespace.
func (s *stage) register(job *api.Job) error {
	_, _, err := s.nomad.client.Jobs().Register(job, &api.WriteOptions{Namespace: s.namespaces.Runs})
	return err
}

const (
	manyRequests = 200
	manyAtOnce   = 4
)

// TestNomadManyRequests asks for two hundred runs of two recipes, one of which needs what
// only some nodes offer, where four may be under way.
func TestNomadManyRequests(t *testing.T) {
	n := theNomad(t)
	t.Parallel()
	server := forgetest.NewServer(t)
	s, err := newStage(server, t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	other, err := server.AddRepo(s.org, "chandlery", s.source)
	check(err)
	for name, needs := range map[string]string{"guestbook": "", "chandlery": "needs: [browser]\n"} {
		text := fmt.Sprintf("version: 1\nrepo: %s/%s\nbuilder: noop\n%s", s.org, name, needs)
		check(examples.WriteEnrolmentText(name, s.org+"/"+name, s.tests, []byte(text)))
	}
	check(s.onNomad(n, nil))
	check(s.register(builderJob(s.namespaces.Runs, "noop", "exit 0")))
	pulls := map[forge.Repo][]int{}
	for _, repo := range []forge.Repo{s.repo, other} {
		for i := range manyRequests / 2 {
			number, err := server.OpenPull(forgetest.NewPull{Repo: repo, Author: s.name("mallory"), Title: "One of many", Branch: fmt.Sprintf("many-%d", i), Dir: s.source, Ref: examples.PullBranch})
			check(err)
			pulls[repo] = append(pulls[repo], number)
		}
	}
	s.serveFlags = []string{"--capacity", fmt.Sprint(manyAtOnce), "--per-person", "0"}
	check(s.serve())
	t.Cleanup(s.bridge.stop)

	ctx, stop := context.WithCancel(t.Context())
	most := make(chan int64, 1)
	go func() { most <- s.mostAlive(ctx) }()
	began := time.Now()
	for i := range manyRequests / 2 {
		for _, repo := range []forge.Repo{s.repo, other} {
			_, err := server.Comment(repo, pulls[repo][i], s.name("anna"), "!testme")
			check(err)
		}
	}
	check(s.awaitAll(manyRequests))
	stop()
	if got := <-most; got > manyAtOnce || got == 0 {
		t.Errorf("%d were alive at once, and %d may be", got, manyAtOnce)
	}
	check(s.oncePerRequest(manyRequests))
	check(s.inOrder())
	check(s.offNomad())
	t.Logf("%d requests, %d at once: %s", manyRequests, manyAtOnce, time.Since(began).Round(time.Second))
}

// mostAlive is the largest number of dispatched jobs that were seen not to be over.
func (s *stage) mostAlive(ctx context.Context) int64 {
	var most atomic.Int64
	for ctx.Err() == nil {
		jobs, _, err := s.nomad.client.Jobs().List(&api.QueryOptions{Namespace: s.namespaces.Runs})
		alive := int64(0)
		for _, job := range jobs {
			if strings.Contains(job.ID, "/dispatch-") && job.Status != "dead" {
				alive++
			}
		}
		if err == nil && alive > most.Load() {
			most.Store(alive)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return most.Load()
}

// awaitAll waits until so many runs have ended; it may take longer than one of them.
func (s *stage) awaitAll(n int) error {
	ended := 0
	for deadline := time.Now().Add(4 * time.Minute); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		reports, err := s.allReports()
		if err != nil {
			return err
		}
		ended = 0
		for _, r := range reports {
			if r.State == run.Ended {
				ended++
			}
		}
		if ended == n {
			return nil
		}
	}
	return fmt.Errorf("gave up with %d of %d runs at their end", ended, n)
}

// allReports are more than a list shows.
func (s *stage) allReports() ([]run.Report, error) {
	db, err := s.journal()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Reports(context.Background(), journal.Filter{Limit: 10 * manyRequests})
}

// oncePerRequest wants one job a run, one attempt, and the builder's own verdict.
func (s *stage) oncePerRequest(n int) error {
	jobs, _, err := s.nomad.client.Jobs().List(&api.QueryOptions{Namespace: s.namespaces.Runs})
	if err != nil {
		return err
	}
	seen := map[run.ID]bool{}
	for _, job := range jobs {
		_, id, attempt, ok := cluster.ParseChild(job.ID)
		if !ok {
			continue
		}
		if seen[id] || attempt != 1 {
			return fmt.Errorf("run %s was dispatched more than once: %s", id, job.ID)
		}
		seen[id] = true
	}
	reports, err := s.allReports()
	if err != nil {
		return err
	}
	for _, r := range reports {
		if r.Verdict() != run.VerdictPass || len(r.Leftovers) > 0 || !seen[r.Request.ID] {
			return fmt.Errorf("run %s is %s with %v left over, and was dispatched: %v", r.Request.ID, r.Verdict(), r.Leftovers, seen[r.Request.ID])
		}
	}
	if len(seen) != n || len(reports) != n {
		return fmt.Errorf("%d jobs for %d runs, want %d", len(seen), len(reports), n)
	}
	return nil
}

// inOrder wants slots to have been given in the order of the comments, within a recipe.
func (s *stage) inOrder() error {
	db, err := s.journal()
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	latest := map[string]int{}
	last, err := db.Last(ctx)
	if err != nil {
		return err
	}
	for entry, err := range db.Follow(ctx, 0) {
		if err != nil {
			return err
		}
		if entry.Event.Kind == run.KindDispatching {
			r, err := db.Report(ctx, entry.Event.Run)
			if err != nil {
				return err
			}
			if pull := r.Request.Code.Pull; pull < latest[r.Request.Recipe] {
				return fmt.Errorf("%s: pull request %d came after %d", r.Request.Recipe, pull, latest[r.Request.Recipe])
			}
			latest[r.Request.Recipe] = r.Request.Code.Pull
		}
		if entry.Position >= last {
			break
		}
	}
	if len(latest) != 2 {
		return fmt.Errorf("slots were given to %v", latest)
	}
	return nil
}
