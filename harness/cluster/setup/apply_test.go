package setup_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
	"seatrial/internal/must"
	"seatrial/recipes"
)

// start starts a cluster of one.
func start(t *testing.T, o agent.Options) (*agent.Agent, *cluster.Client) {
	t.Helper()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, "there is no nomad: dev/nomad/build")
	o.Program, o.Dir, o.Meta = program, filepath.Join(t.TempDir(), "n"), map[string]string{cluster.NodeCapabilities: "large"}
	a, err := agent.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Wipe(); err != nil {
			t.Error(err)
		}
	})
	token, err := a.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a, clientFor(t, a, token)
}

func clientFor(t *testing.T, a *agent.Agent, token string) *cluster.Client {
	t.Helper()
	client, err := cluster.NewClient(cluster.Config{Address: a.HTTP, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func options() setup.Options {
	return setup.Options{Recipes: []recipes.Enrolment{
		{Name: "wiki", Repo: "harbour/wiki", Needs: []string{"large"}, Image: "registry.example.org/runner:1"},
		{Name: "guestbook", Repo: "harbour/guestbook"},
	}}
}

func apply(t *testing.T, client *cluster.Client, o setup.Options) map[string]setup.Did {
	t.Helper()
	planned, err := setup.Plan(t.Context(), client, o)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := setup.Apply(t.Context(), client, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planned, changes); diff != "" {
		t.Errorf("what was planned is not what was done:\n%s", diff)
	}
	did := map[string]setup.Did{}
	for _, c := range changes.List {
		did[c.Kind.String()+" "+c.Name] = c.Did
	}
	return did
}

func want(t *testing.T, did map[string]setup.Did, others setup.Did, but map[string]setup.Did) {
	t.Helper()
	for name, got := range did {
		expected, ok := but[name]
		if !ok {
			expected = others
		}
		if got != expected {
			t.Errorf("%s: %v, want %v", name, got, expected)
		}
	}
	for name := range but {
		if _, ok := did[name]; !ok {
			t.Errorf("%s: nothing was said", name)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	_, client := start(t, agent.Options{NoClient: true}) // without a node runs wait
	const recipeJob, recipePolicy = "job seatrial-run-guestbook", "policy seatrial-harness-guestbook"
	ci := func() *api.QueryOptions { return (&api.QueryOptions{Namespace: "ci"}).WithContext(t.Context()) }
	o := options()

	did := apply(t, client, o)
	want(t, did, setup.Made, nil)
	if len(did) != 2+5+4 {
		t.Errorf("%d things were made: %v", len(did), did)
	}
	want(t, apply(t, client, o), setup.Unchanged, nil)

	job, _, err := client.Jobs().Info(cluster.RecipeJob("wiki"), ci())
	if err != nil {
		t.Fatal(err)
	}
	group := job.TaskGroups[0]
	if *group.Disconnect.Replace || *group.RestartPolicy.Attempts != 0 || *group.ReschedulePolicy.Attempts != 0 || len(job.Affinities) != 4 || job.Affinities[0].LTarget != "${node.unique.id}" {
		t.Errorf("the job that was registered: %+v", job)
	}

	o.Recipes[1].Resources.Memory = 2 << 30
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{recipeJob: setup.Changed})
	want(t, apply(t, client, o), setup.Unchanged, nil)

	// An operator's own job, policy and namespace are kept.
	job, _, err = client.Jobs().Info(cluster.JobRun, ci())
	if err != nil {
		t.Fatal(err)
	}
	*job.Priority = 70
	if _, _, err := client.Jobs().Register(job, (&api.WriteOptions{Namespace: "ci"}).WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	policy, _, err := client.ACLPolicies().Info("seatrial-bridge", ci())
	if err != nil {
		t.Fatal(err)
	}
	policy.Rules = strings.Replace(policy.Rules, "node {", "agent {", 1)
	if _, err := client.ACLPolicies().Upsert(policy, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Namespaces().Register(&api.Namespace{Name: "ci-apps", Description: "mine"}, nil); err != nil {
		t.Fatal(err)
	}
	mine := map[string]setup.Did{"job seatrial-run": setup.Kept, "policy seatrial-bridge": setup.Kept, "namespace ci-apps": setup.Kept}
	want(t, apply(t, client, o), setup.Unchanged, mine)
	o.Force = true
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{"job seatrial-run": setup.Changed, "policy seatrial-bridge": setup.Changed, "namespace ci-apps": setup.Kept})
	o.Force = false
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{"namespace ci-apps": setup.Kept})

	// A job that was stopped is there again.
	if _, _, err := client.Jobs().Deregister(cluster.JobRun, false, &api.WriteOptions{Namespace: "ci"}); err != nil {
		t.Fatal(err)
	}
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{"namespace ci-apps": setup.Kept, "job seatrial-run": setup.Changed})

	// A recipe that is enrolled no more loses its job and its policy, but not while a
	// run of it waits or runs.
	child := dispatch(t, client, cluster.RecipeJob("guestbook"))
	o.Recipes = o.Recipes[:1]
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{"namespace ci-apps": setup.Kept, recipeJob: setup.InUse, recipePolicy: setup.InUse})
	if _, _, err := client.Jobs().Deregister(child, true, &api.WriteOptions{Namespace: "ci"}); err != nil {
		t.Fatal(err)
	}
	withoutRemoving := o
	withoutRemoving.KeepOthers = true
	if _, found := apply(t, client, withoutRemoving)[recipeJob]; found {
		t.Error("something would be removed although not every enrolment could be read")
	}
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{"namespace ci-apps": setup.Kept, recipeJob: setup.Removed, recipePolicy: setup.Removed})
	want(t, apply(t, client, o), setup.Unchanged, map[string]setup.Did{"namespace ci-apps": setup.Kept})
}

func dispatch(t *testing.T, client *cluster.Client, job string) (child string) {
	t.Helper()
	meta := map[string]string{}
	for _, key := range cluster.RequiredMeta {
		meta[key] = "x"
	}
	made, _, err := client.Jobs().Dispatch(job, meta, nil, "", (&api.WriteOptions{Namespace: "ci"}).WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return made.DispatchedJobID
}

func TestWithoutACLsThereAreNoPolicies(t *testing.T) {
	t.Parallel()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, "there is no nomad: dev/nomad/build")
	a, err := agent.Start(t.Context(), agent.Options{
		Program: program, Dir: filepath.Join(t.TempDir(), "n"), Dev: true,
		Change: func(config map[string]any) { config["acl"] = map[string]any{"enabled": false} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Wipe()
	changes, err := setup.Apply(context.Background(), clientFor(t, a, ""), setup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(changes.Notes) != 1 || !strings.Contains(changes.Notes[0], "ACLs are off") {
		t.Errorf("notes: %q", changes.Notes)
	}
	if slices.ContainsFunc(changes.List, func(c setup.Change) bool { return c.Kind == setup.Policy }) || len(changes.List) != 4 {
		t.Errorf("changes: %v", changes.List)
	}
}

func TestWhatIsPrintedIsWhatIsRegistered(t *testing.T) {
	t.Parallel()
	_, client := start(t, agent.Options{NoClient: true})
	const state = "/srv/\"quoted\"\\n/%{if true}/$$/\n#\t\u202e'*/"
	o := setup.Options{State: state, Recipes: []recipes.Enrolment{{Name: "a", Repo: "x/a", Needs: []string{`b" c %{d}`}}}}
	apply(t, client, o)
	want(t, apply(t, client, o), setup.Unchanged, nil)
	job, _, err := client.Jobs().Info(cluster.RecipeJob("a"), &api.QueryOptions{Namespace: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range job.TaskGroups[0].Tasks {
		if args, _ := task.Config["args"].([]any); len(args) != 4 || args[1] != state {
			t.Errorf("%s has the arguments %q", task.Name, args)
		}
	}
	if got := job.Constraints[1].RTarget; got != `b" c %{d}` {
		t.Errorf("the node must offer %q", got)
	}
}
