package nomad_test

import (
	"context"
	"errors"
	"path/filepath"
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

// pier starts a second node that can be lost.
func pier(t *testing.T) *agent.Agent {
	t.Helper()
	s := theCluster(t)
	a, err := agent.Start(t.Context(), agent.Options{
		Program: s.agent.Program, Dir: filepath.Join(s.dir, "pier"), NoServer: true, Join: []string{s.agent.RPC}, Meta: map[string]string{"pier": "yes"},
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

func TestANodeThatIsLostDisplaces(t *testing.T) {
	s := theCluster(t)
	j := job(cluster.RecipeJob("ashore"))
	j.Constraints = []*api.Constraint{api.NewConstraint("${meta.pier}", "=", "yes")}
	j.TaskGroups[0].Disconnect.LostAfter = ptr(3 * time.Second)
	if err := s.register(j); err != nil {
		t.Fatal(err)
	}
	node := pier(t)
	sc := begin(t, "ashore", nil)
	eventually(t, "it runs", func() bool { return sc.state().Phase == dispatch.Running })
	sc.first()
	alloc := sc.alloc()
	node.Kill()
	unknown := false
	eventually(t, "its node is missed", func() bool {
		state := sc.state()
		unknown = unknown || state.Phase == dispatch.Running && strings.Contains(state.Detail, "does not answer")
		return state.Phase.Over()
	})
	if !unknown {
		t.Error("it was never said that the node does not answer")
	}
	killExecutor(t, alloc.ID)
	if diff := cmp.Diff([]run.Kind{run.KindStarted}, sc.kinds()); diff != "" {
		t.Error(diff)
	}
	sc.wantOf(dispatch.Lost, dispatch.Displaced, "was lost", sc.d, s.dispatcher(t, sc.root, nil))
	if swept := sc.sweep(); len(swept.Leftovers) != 0 {
		t.Errorf("left: %v", swept)
	}
	sc.wantOf(dispatch.Lost, dispatch.Displaced, "was lost", sc.d, s.dispatcher(t, sc.root, nil))
	if live, err := sc.d.Live(t.Context()); err != nil || len(live) != 0 {
		t.Errorf("it may be placed again: %v, %v", live, err)
	}
}

func TestTheFilesOfANodeThatIsAwayAreWaitedFor(t *testing.T) {
	s := theCluster(t)
	j := job(cluster.RecipeJob("inland"))
	j.Constraints = []*api.Constraint{api.NewConstraint("${meta.pier}", "=", "yes")}
	if err := s.register(j); err != nil {
		t.Fatal(err)
	}
	node := pier(t)
	sc := begin(t, "inland", nil)
	eventually(t, "it has ended, unread", func() bool {
		allocs, _, err := s.root.Jobs().Allocations(sc.job(), true, &api.QueryOptions{Namespace: namespaces.Runs})
		return err == nil && len(allocs) == 1 && allocs[0].ClientStatus == api.AllocClientStatusComplete
	})
	node.Kill()
	back := make(chan error, 1)
	read := make(chan []run.Kind, 1)
	go func() { back <- node.Restart(context.Background()) }()
	go func() { read <- sc.kinds() }()
	if err := <-back; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(whole, <-read); diff != "" {
		t.Error(diff)
	}
	sc.wantOf(dispatch.Complete, "", "", sc.d, s.dispatcher(t, sc.root, nil))
}

func TestTheAllocationWithTheLeaseCounts(t *testing.T) {
	s := theCluster(t)
	again := job(cluster.RecipeJob(dispatchtest.Dies))
	again.TaskGroups[0].ReschedulePolicy = &api.ReschedulePolicy{
		Attempts: ptr(1), Interval: ptr(time.Hour), Delay: ptr(5 * time.Second), DelayFunction: ptr("constant"), Unlimited: ptr(false),
	}
	if err := s.register(again); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, _, err := s.root.Jobs().Deregister(*again.ID, true, &api.WriteOptions{Namespace: namespaces.Runs}); err != nil {
			t.Error(err)
		}
	}()
	sc := begin(t, dispatchtest.Dies, nil)
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
