package nomad_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/internal/must"
	"seatrial/recipes"
)

// scene is one attempt and who follows it.
type scene struct {
	t    *testing.T
	site *site
	root string
	d    *nomad.Dispatcher
	r    run.Request
}

// begin dispatches an attempt and waits for its first event.
func begin(t *testing.T, recipe string, change func(*nomad.Config)) *scene {
	t.Helper()
	s := &scene{t: t, site: theCluster(t), root: t.TempDir()}
	s.d = listen(t, s.site.dispatcher(t, s.root, change))
	s.r = request(recipe)
	if err := s.d.Dispatch(t.Context(), s.r, 1, lease()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) first() *scene {
	s.t.Helper()
	for _, err := range s.d.Follow(s.t.Context(), s.r.ID, 1, 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		return s
	}
	s.t.Fatal("it said nothing")
	return nil
}

// follow hears every event until the end.
func (s *scene) follow(heard func(e run.Event)) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	for e, err := range s.d.Follow(ctx, s.r.ID, 1, 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		heard(e)
	}
	if ctx.Err() != nil {
		s.t.Fatalf("it did not end: %v", s.state())
	}
}

func (s *scene) kinds() (kinds []run.Kind) {
	s.t.Helper()
	s.follow(func(e run.Event) { kinds = append(kinds, e.Kind) })
	return kinds
}

// talk follows a chatty run, tells how many of its events have come, and stops it after so
// many. It returns the numbers of all.
func (s *scene) talk(enough int, heard func(n int)) (seqs []int64) {
	s.t.Helper()
	s.follow(func(e run.Event) {
		seqs = append(seqs, e.Seq)
		heard(len(seqs))
		if len(seqs) == enough {
			eventually(s.t, "it is stopped", func() bool { return s.d.Stop(s.t.Context(), s.r.ID, 1) == nil })
		}
	})
	if len(seqs) < enough {
		s.t.Errorf("only %d events: %v", len(seqs), s.state())
	}
	return seqs
}

func (s *scene) state() dispatch.State {
	s.t.Helper()
	state, err := s.d.State(s.t.Context(), s.r.ID, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// want is what the dispatcher says, another one after a restart, and a third one that
// has lost its folder.
func (s *scene) want(phase dispatch.Phase, cause dispatch.Cause, detail string) {
	s.t.Helper()
	s.wantOf(phase, cause, detail, s.d, s.site.dispatcher(s.t, s.root, nil), s.site.dispatcher(s.t, s.t.TempDir(), nil))
}

func (s *scene) wantOf(phase dispatch.Phase, cause dispatch.Cause, detail string, all ...*nomad.Dispatcher) {
	s.t.Helper()
	for _, d := range all {
		got, err := d.State(s.t.Context(), s.r.ID, 1)
		if err != nil || got.Phase != phase || got.Cause != cause || !strings.Contains(got.Detail, detail) {
			s.t.Errorf("state %q %q %q, %v; want %q %q %q", got.Phase, got.Cause, got.Detail, err, phase, cause, detail)
		}
	}
}

// job is the child's ID.
func (s *scene) job() string {
	s.t.Helper()
	jobs, _, err := s.site.root.Jobs().List(&api.QueryOptions{Namespace: namespaces.Runs})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, j := range jobs {
		if strings.Contains(j.ID, cluster.ChildMarker(s.r.ID, 1)) {
			return j.ID
		}
	}
	s.t.Fatal("there is no job")
	return ""
}

func (s *scene) alloc() *api.Allocation {
	s.t.Helper()
	allocs, _, err := s.site.root.Jobs().Allocations(s.job(), true, &api.QueryOptions{Namespace: namespaces.Runs})
	if err != nil || len(allocs) != 1 {
		s.t.Fatalf("%d allocations, %v", len(allocs), err)
	}
	whole, _, err := s.site.root.Allocations().Info(allocs[0].ID, &api.QueryOptions{Namespace: namespaces.Runs})
	if err != nil {
		s.t.Fatal(err)
	}
	return whole
}

func (s *scene) sweep() run.Swept {
	s.t.Helper()
	swept, err := s.d.Sweep(s.t.Context(), s.r.ID, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	return swept
}

var whole = []run.Kind{run.KindStarted, run.KindTornDown, run.KindFinished}

func TestAJobThatAnOperatorStopsIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := begin(t, dispatchtest.Waits, nil).first()
	if _, _, err := s.site.root.Jobs().Deregister(s.job(), false, &api.WriteOptions{Namespace: namespaces.Runs}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, s.kinds()); diff != "" {
		t.Error(diff)
	}
	s.want(dispatch.Complete, dispatch.Withdrawn, "")
}

func TestAnAllocationThatAnOperatorStopsIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := begin(t, deaf, nil).first()
	q := &api.QueryOptions{Namespace: namespaces.Runs, Params: map[string]string{"reschedule": "true"}}
	if _, err := s.site.root.Allocations().Stop(s.alloc(), q); err != nil {
		t.Fatal(err)
	}
	s.kinds()
	s.want(dispatch.Lost, dispatch.Withdrawn, "signal 9")
}

func TestADrainDisplaces(t *testing.T) {
	s := begin(t, dispatchtest.Waits, nil).first()
	node := s.alloc().NodeID
	drain := func(spec *api.DrainSpec, eligible bool) {
		t.Helper()
		if _, err := s.site.root.Nodes().UpdateDrain(node, spec, eligible, nil); err != nil {
			t.Fatal(err)
		}
	}
	drain(&api.DrainSpec{Deadline: -1}, false) // at once
	defer drain(nil, true)
	if diff := cmp.Diff(whole, s.kinds()); diff != "" {
		t.Error(diff)
	}
	s.want(dispatch.Complete, dispatch.Displaced, "")
	if offers := s.site.dispatcher(t, t.TempDir(), nil).Offers(); len(offers) != 0 {
		t.Errorf("a drained node offers %v", offers)
	}
}

func TestAKilledExecutorIsLostAndSweptByItsTeardown(t *testing.T) {
	t.Parallel()
	s := begin(t, deaf, nil).first()
	killExecutor(t, s.alloc().ID)
	if diff := cmp.Diff([]run.Kind{run.KindStarted}, s.kinds()); diff != "" {
		t.Error(diff)
	}
	s.want(dispatch.Lost, "", "signal 9")
	if detail := s.state().Detail; !strings.Contains(detail, "32 MiB") {
		t.Errorf("it does not say what it had: %s", detail)
	}
	if swept := s.sweep(); len(swept.Leftovers) != 0 {
		t.Errorf("left: %v", swept)
	}
}

// killExecutor kills the executor's process, which has the allocation in its environment.
func killExecutor(t *testing.T, alloc string) {
	t.Helper()
	processes, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range processes {
		env, _ := os.ReadFile(path)
		if strings.Contains(string(env), "NOMAD_ALLOC_ID="+alloc) && strings.Contains(string(env), childTask+"="+cluster.Executor+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no such process")
}

// The driver exec tells that it was memory; raw_exec cannot.
func TestMemoryThatRunsOut(t *testing.T) {
	t.Parallel()
	s := theCluster(t)
	must.Have(t, "nomad", s.shell != "", "there is no busybox: install Debian's busybox-static")
	j := buildJob(cluster.RecipeJob("greedy"), "")
	task := j.TaskGroups[0].Tasks[0]
	task.Driver = "exec"
	task.SetConfig("command", insideShell).SetConfig("args", []string{"tail", "/dev/zero"}) // which keeps a line without an end
	if err := s.register(j); err != nil {
		t.Fatal(err)
	}
	sc := begin(t, "greedy", nil)
	if kinds := sc.kinds(); len(kinds) != 0 {
		t.Errorf("got %v", kinds)
	}
	sc.want(dispatch.Lost, "", "it ran out of memory on node node (it was given 32 MiB)")
}

func TestAHarnessThatEndsWithoutEventsIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := begin(t, exits, nil)
	if kinds := s.kinds(); len(kinds) != 0 {
		t.Errorf("got %v", kinds)
	}
	s.want(dispatch.Lost, "", "exit code 3")
}

func TestWhatFindsNoNodeIsGivenUp(t *testing.T) {
	t.Parallel()
	for recipe, c := range map[string]struct {
		change func(*api.Job)
		why    string
	}{
		"picky": {func(j *api.Job) {
			j.Constraints = []*api.Constraint{api.NewConstraint("${meta.moon}", "=", "full")}
		}, `do not fulfil "${meta.moon} = full"`},
		"huge": {func(j *api.Job) { j.TaskGroups[0].Tasks[0].Resources.MemoryMB = ptr(1 << 24) }, "have too little memory left"},
	} {
		t.Run(recipe, func(t *testing.T) {
			t.Parallel()
			s := theCluster(t)
			j := job(cluster.RecipeJob(recipe))
			c.change(j)
			if err := s.register(j); err != nil {
				t.Fatal(err)
			}
			sc := begin(t, recipe, func(c *nomad.Config) { c.PlaceWithin = 3 * time.Second })
			patient := s.dispatcher(t, t.TempDir(), nil)
			eventually(t, "it waits with a reason", func() bool {
				state, err := patient.State(t.Context(), sc.r.ID, 1)
				return err == nil && state.Phase == dispatch.Pending && strings.Contains(state.Detail, c.why)
			})
			if kinds := sc.kinds(); len(kinds) != 0 {
				t.Errorf("got %v", kinds)
			}
			sc.wantOf(dispatch.Lost, "", "no node was found for it within 3s", sc.d, s.dispatcher(t, sc.root, nil))
			sc.wantOf(dispatch.Lost, "", c.why, sc.d)
			stub, _, err := s.root.Jobs().Info(sc.job(), &api.QueryOptions{Namespace: namespaces.Runs})
			if err != nil || !*stub.Stop {
				t.Errorf("it may still start later: %v", err)
			}
			if swept := sc.sweep(); len(swept.Leftovers) != 0 {
				t.Errorf("left: %v", swept)
			}
		})
	}
}

func TestWhatWaitsIsStoppedForGood(t *testing.T) {
	t.Parallel()
	s := theCluster(t)
	j := job(cluster.RecipeJob("slow"))
	j.Constraints = []*api.Constraint{api.NewConstraint("${meta.moon}", "=", "full")}
	if err := s.register(j); err != nil {
		t.Fatal(err)
	}
	sc := begin(t, "slow", nil)
	if err := sc.d.Stop(t.Context(), sc.r.ID, 1); err != nil {
		t.Fatal(err)
	}
	sc.kinds()
	if state := sc.state(); state.Phase != dispatch.Lost || state.Cause != "" || !strings.Contains(state.Detail, "before it was placed") {
		t.Errorf("state %v", state)
	}
}

func TestALeftoverOnANodeIsNamed(t *testing.T) {
	t.Parallel()
	s := begin(t, leaks, nil)
	s.kinds()
	if diff := cmp.Diff([]run.Leftover{{Kind: "mount", Name: "/srv/x"}}, s.sweep().Leftovers); diff != "" {
		t.Error(diff)
	}
}

func TestATeardownThatWasNotHeardOfWaitsForTheJanitor(t *testing.T) {
	s := begin(t, mute, nil)
	s.kinds()
	left := s.sweep().Leftovers
	if len(left) != 1 || left[0].Kind != "node" || !strings.Contains(left[0].Detail, "janitor job") {
		t.Fatalf("left: %v", left)
	}
	janitor := api.NewBatchJob(cluster.JobJanitor, cluster.JobJanitor, "global", 50)
	janitor.Datacenters = []string{"*"}
	task := api.NewTask("janitor", "raw_exec").SetConfig("command", "/bin/true")
	task.Resources = &api.Resources{CPU: ptr(20), MemoryMB: ptr(32)}
	task.LogConfig = &api.LogConfig{MaxFiles: ptr(1), MaxFileSizeMB: ptr(5)}
	janitor.AddTaskGroup(api.NewTaskGroup("janitor", 1).AddTask(task))
	if err := s.site.register(janitor); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is clean after the janitor", func() bool { return len(s.sweep().Leftovers) == 0 })
}

func TestDispatchWantsAnEnrolment(t *testing.T) {
	t.Parallel()
	err := theCluster(t).dispatcher(t, t.TempDir(), nil).Dispatch(t.Context(), request("gone"), 1, lease())
	if err == nil || !strings.Contains(err.Error(), "no longer enrolled") {
		t.Errorf("got %v", err)
	}
}

func TestARecipeWithNeedsWantsItsOwnJob(t *testing.T) {
	t.Parallel()
	needy := func(string) (recipes.Enrolment, bool) {
		return recipes.Enrolment{Name: "needy", Needs: []string{"browser"}}, true
	}
	err := theCluster(t).dispatcher(t, t.TempDir(), func(c *nomad.Config) { c.Enrolment = needy }).Dispatch(t.Context(), request("needy"), 1, lease())
	if err == nil || !strings.Contains(err.Error(), "seatrial nomad setup") {
		t.Errorf("got %v", err)
	}
}

// eventually waits for what the cluster takes a while for.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting until %s", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
