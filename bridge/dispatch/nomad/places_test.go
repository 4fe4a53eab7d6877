package nomad_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/run"
)

// pier starts a second node, which comes and goes, with a crane.
func pier(t *testing.T) *agent.Agent {
	t.Helper()
	s := theCluster(t)
	a, err := agent.Start(t.Context(), agent.Options{
		Program: s.agent.Program, Dir: filepath.Join(s.dir, "pier"), NoServer: true, Join: []string{s.agent.RPC},
		Meta: map[string]string{"pier": "yes", cluster.NodeCapabilities: "crane"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Wipe(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// ashore dispatches an attempt that only the pier can take.
func ashore(t *testing.T, recipe string, lostAfter time.Duration) *scene {
	t.Helper()
	j := job(cluster.RecipeJob(onPier + recipe))
	j.Constraints = []*api.Constraint{api.NewConstraint("${meta.pier}", "=", "yes")}
	j.TaskGroups[0].Disconnect.LostAfter = &lostAfter
	if err := theCluster(t).register(j); err != nil {
		t.Fatal(err)
	}
	return begin(t, onPier+recipe, nil)
}

// awaitAway waits until the cluster misses the node.
func (s *scene) awaitAway() {
	s.t.Helper()
	eventually(s.t, "its node is missed", func() bool {
		state := s.state()
		return state.Phase == dispatch.Running && strings.Contains(state.Detail, "does not answer")
	})
}

func restart(t *testing.T, node *agent.Agent) {
	t.Helper()
	if err := node.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestANodeThatComesAndGoes(t *testing.T) {
	t.Parallel()
	node := pier(t)
	t.Run("what it runs meanwhile loses no events", func(t *testing.T) {
		s := ashore(t, chatty, time.Minute)
		unbroken(t, s.talk(100, func(n int) {
			if n == 30 {
				node.Kill()
				s.awaitAway()
				restart(t, node)
			}
		}))
		s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
		if n := starts(s.site.dir, s.r.ID, 1); n != 1 {
			t.Errorf("it was started %d times", n)
		}
	})
	t.Run("what is stopped meanwhile is not started again", func(t *testing.T) {
		s := ashore(t, dispatchtest.Waits, time.Minute).first()
		node.Kill()
		s.awaitAway()
		if err := s.d.Stop(t.Context(), s.r.ID, 1); err != nil {
			t.Fatal(err)
		}
		restart(t, node)
		if diff := cmp.Diff(whole, s.kinds()); diff != "" {
			t.Error(diff)
		}
		s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
		if n := starts(s.site.dir, s.r.ID, 1); n != 1 {
			t.Errorf("it was started %d times", n)
		}
	})
	t.Run("files of what has ended are waited for", func(t *testing.T) {
		s := ashore(t, dispatchtest.Finishes, time.Minute)
		eventually(t, "it has ended, unread", func() bool {
			allocs, _, err := s.site.root.Jobs().Allocations(s.job(), true, &api.QueryOptions{Namespace: namespaces.Runs})
			return err == nil && len(allocs) == 1 && allocs[0].ClientStatus == api.AllocClientStatusComplete
		})
		node.Kill()
		back := make(chan error, 1)
		go func() { back <- node.Restart(context.Background()) }()
		if diff := cmp.Diff(whole, s.kinds()); diff != "" {
			t.Error(diff)
		}
		if err := <-back; err != nil {
			t.Error(err)
		}
		s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
	})
	t.Run("what it ran is displaced when it is lost", func(t *testing.T) {
		s := ashore(t, deaf, 3*time.Second).first()
		crane := func() bool {
			return slices.ContainsFunc(s.site.dispatcher(t, t.TempDir(), nil).Offers(), func(set []string) bool { return slices.Contains(set, "crane") })
		}
		if !crane() {
			t.Error("what the node offers is not offered")
		}
		alloc := s.alloc()
		node.Kill()
		s.awaitAway()
		eventually(t, "its node is lost", func() bool { return s.state().Phase.Over() })
		killExecutor(t, alloc.ID)
		if diff := cmp.Diff([]run.Kind{run.KindStarted}, s.kinds()); diff != "" {
			t.Error(diff)
		}
		s.wantOf(dispatch.Lost, dispatch.Displaced, "was lost", s.d, s.site.dispatcher(t, s.root, nil))
		if crane() {
			t.Error("a lost node offers something")
		}
		if swept := s.sweep(); len(swept.Leftovers) != 0 {
			t.Errorf("left: %v", swept)
		}
		s.wantOf(dispatch.Lost, dispatch.Displaced, "was lost", s.d, s.site.dispatcher(t, s.root, nil))
		if live, err := s.d.Live(t.Context()); err != nil || slices.ContainsFunc(live, func(a nomad.Attempt) bool { return a.Run == s.r.ID }) {
			t.Errorf("it may be placed again: %v, %v", live, err)
		}
	})
}

func TestTheAllocationWithTheLeaseCounts(t *testing.T) {
	t.Parallel()
	s := theCluster(t)
	again := job(cluster.RecipeJob(rises))
	again.TaskGroups[0].ReschedulePolicy = &api.ReschedulePolicy{
		Attempts: ptr(1), Interval: ptr(time.Hour), Delay: ptr(5 * time.Second), DelayFunction: ptr("constant"), Unlimited: ptr(false),
	}
	if err := s.register(again); err != nil {
		t.Fatal(err)
	}
	sc := begin(t, rises, nil)
	sc.first()
	first := sc.alloc().ID
	path := cluster.LeasePath(sc.r.ID, 1)
	if _, _, err := s.root.Variables().Create(&api.Variable{Namespace: namespaces.Runs, Path: path, Items: api.VariableItems{"alloc": first}}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is placed again", func() bool {
		allocs, _, err := s.root.Jobs().Allocations(sc.job(), true, &api.QueryOptions{Namespace: namespaces.Runs})
		return err == nil && len(allocs) == 2 && allocs[0].ClientStatus == api.AllocClientStatusFailed && allocs[1].ClientStatus == api.AllocClientStatusFailed
	})
	fresh := s.dispatcher(t, t.TempDir(), nil)
	var started time.Time
	for _, e := range events(t, fresh, sc.r.ID, 0) {
		started = e.At
	}
	alloc, _, err := s.root.Allocations().Info(first, &api.QueryOptions{Namespace: namespaces.Runs})
	if err != nil {
		t.Fatal(err)
	}
	if end := alloc.TaskStates[cluster.Executor].FinishedAt; started.IsZero() || started.After(end) {
		t.Errorf("the events are those of another allocation: %s, and the one with the lease ended at %s", started, end)
	}
	// Nomad starts no task of an allocation that failed and is to be placed again: where the
	// node is slow, that is heard before the teardown has begun, and it never does.
	var unheard []run.Leftover
	if teardown := alloc.TaskStates[cluster.Teardown]; teardown.StartedAt.IsZero() {
		unheard = []run.Leftover{{Kind: "node", Name: alloc.NodeName, Detail: "its own sweep was not heard of yet; the janitor job looks at it"}}
	}
	swept, err := fresh.Sweep(t.Context(), sc.r.ID, 1)
	if diff := cmp.Diff(unheard, swept.Leftovers); err != nil || diff != "" {
		t.Errorf("left, teardown %+v: %v\n%s", alloc.TaskStates[cluster.Teardown], err, diff)
	}
	if lease, _, err := s.root.Variables().Peek(path, &api.QueryOptions{Namespace: namespaces.Runs}); err != nil || lease != nil {
		t.Errorf("the lease is still there: %v, %v", lease, err)
	}
	for _, e := range events(t, fresh, sc.r.ID, 0) {
		if !e.At.Equal(started) {
			t.Errorf("without the lease another allocation counts: %v", e)
		}
	}
}

// harbour is a place with objects, one of which cannot be removed.
type harbour struct {
	objects map[string]app.Object
	stuck   string
}

func (h *harbour) Objects(context.Context) ([]app.Object, error) {
	var all []app.Object
	for _, o := range h.objects {
		all = append(all, o)
	}
	return all, nil
}

func (h *harbour) Remove(_ context.Context, o app.Object) error {
	if o.ID == h.stuck {
		return errors.New("it is in use")
	}
	delete(h.objects, o.ID)
	return nil
}

func TestSweepRemovesTheAttemptsAppsAndNamesWhatStays(t *testing.T) {
	t.Parallel()
	h := &harbour{stuck: "volume", objects: map[string]app.Object{}}
	s := begin(t, dispatchtest.Finishes, func(c *nomad.Config) { c.Places = []app.Place{h} })
	s.kinds()
	for id, l := range map[string]run.Labels{
		"job": {Run: s.r.ID, Attempt: 1}, "volume": {Run: s.r.ID, Attempt: 1}, "next": {Run: s.r.ID, Attempt: 2}, "other": {Run: run.NewID(time.Now()), Attempt: 1},
	} {
		h.objects[id] = app.Object{Kind: "thing", ID: id, Labels: l}
	}
	if diff := cmp.Diff(run.Swept{Removed: 1, Leftovers: []run.Leftover{{Kind: "thing", Name: "volume"}}}, s.sweep()); diff != "" {
		t.Error(diff)
	}
	if len(h.objects) != 3 {
		t.Errorf("left %v", h.objects)
	}
}
