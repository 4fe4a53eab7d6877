package nomad_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// buildJob is an operator's own builder, which takes what is required and nothing more.
func buildJob(id, does string) *api.Job {
	j := job(id)
	j.ParameterizedJob.MetaOptional = nil
	group := j.TaskGroups[0]
	group.Tasks = group.Tasks[:1]
	group.Tasks[0].Env[childTask] = "builder"
	group.Tasks[0].SetConfig("args", []string{does})
	return j
}

// build begins a run whose enrolment names a builder that does that.
func build(t *testing.T, does string) *scene {
	t.Helper()
	id := "operators-build-" + does
	if err := theCluster(t).register(buildJob(id, does)); err != nil {
		t.Fatal(err)
	}
	return begin(t, "shop", func(c *nomad.Config) {
		c.Enrolment = func(name string) (recipes.Enrolment, bool) {
			return recipes.Enrolment{Name: name, Builder: id, Flavor: "arm"}, true
		}
	})
}

func events(t *testing.T, d *nomad.Dispatcher, id run.ID, after int64) (all []run.Event) {
	t.Helper()
	for e, err := range d.Follow(t.Context(), id, 1, after) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestABuilderWithoutEventsAnswersByItsExitCode(t *testing.T) {
	t.Parallel()
	for does, outcome := range map[string]run.Outcome{"0": run.Passed, "3": run.Failed} {
		t.Run(does, func(t *testing.T) {
			s := build(t, does)
			got := events(t, s.d, s.r.ID, 0)
			var kinds []run.Kind
			for _, e := range got {
				kinds = append(kinds, e.Kind)
			}
			if diff := cmp.Diff([]run.Kind{run.KindStarted, run.KindPlanned, run.KindStageStarted, run.KindStageEnded, run.KindTornDown, run.KindFinished}, kinds); diff != "" {
				t.Fatal(diff)
			}
			answer := got[3]
			if answer.Stage != run.StageChecks || answer.Outcome != outcome || answer.Took < 0 || answer.At.IsZero() {
				t.Errorf("answer %v", answer)
			}
			if outcome == run.Failed {
				var fault run.Fault
				if err := json.Unmarshal(answer.Data, &fault); err != nil || fault.Summary != "the builder's executor exited with code 3" || !strings.Contains(strings.Join(fault.Evidence, "\n"), "the hull leaks") {
					t.Errorf("fault %v, %v", fault, err)
				}
			}
			var started run.Started
			if err := got[0].Into(&started); err != nil || started.Job == "" || started.Alloc == "" || started.Node == "" {
				t.Errorf("started %v, %v", started, err)
			}
			s.want(dispatch.Complete, "", "")
			again := s.site.dispatcher(t, t.TempDir(), nil)
			if diff := cmp.Diff(got, events(t, again, s.r.ID, 0)); diff != "" {
				t.Errorf("they are others when they are made anew:\n%s", diff)
			}
			if diff := cmp.Diff(got[4:], events(t, again, s.r.ID, 4)); diff != "" {
				t.Errorf("they are not resumed:\n%s", diff)
			}
			if swept := s.sweep(); len(swept.Leftovers) != 0 {
				t.Errorf("left: %v", swept)
			}
		})
	}
}

func TestABuilderWhoseNodeMadeRoomAnswersAllTheSame(t *testing.T) {
	t.Parallel()
	s := build(t, "3")
	eventually(t, "it has ended", func() bool {
		allocs, _, err := s.site.root.Jobs().Allocations(s.job(), true, &api.QueryOptions{Namespace: namespaces.Runs})
		return err == nil && len(allocs) == 1 && allocs[0].ClientStatus == api.AllocClientStatusFailed
	})
	if err := s.site.root.Nodes().GcAlloc(s.alloc().ID, &api.QueryOptions{Namespace: namespaces.Runs}); err != nil && !errors.Is(err, io.EOF) { // its answer is empty
		t.Fatal(err)
	}
	got := events(t, s.d, s.r.ID, 0)
	if len(got) != 6 {
		t.Fatalf("got %v", got)
	}
	var fault run.Fault
	if err := json.Unmarshal(got[3].Data, &fault); err != nil || got[3].Outcome != run.Failed || !strings.Contains(strings.Join(fault.Evidence, "\n"), "is no longer on its node") {
		t.Errorf("answer %v, %v", got[3], err)
	}
	s.want(dispatch.Complete, "", "")
}

func TestABuilderThatIsStoppedGivesNoAnswer(t *testing.T) {
	t.Parallel()
	for who, stop := range map[string]func(s *scene) error{
		"by us": func(s *scene) error { return s.d.Stop(s.t.Context(), s.r.ID, 1) },
		"by an operator": func(s *scene) error {
			_, _, err := s.site.root.Jobs().Deregister(s.job(), false, &api.WriteOptions{Namespace: namespaces.Runs})
			return err
		},
	} {
		t.Run(who, func(t *testing.T) {
			s := build(t, "wait")
			eventually(t, "it runs", func() bool { return s.state().Phase == dispatch.Running })
			if err := stop(s); err != nil {
				t.Fatal(err)
			}
			if kinds := s.kinds(); len(kinds) != 0 {
				t.Errorf("got %v", kinds)
			}
			state := s.state()
			if state.Phase != dispatch.Lost || (state.Cause == dispatch.Withdrawn) != (who == "by an operator") {
				t.Errorf("state %v", state)
			}
		})
	}
}

func TestABuilderIsToldWhatItDeclares(t *testing.T) {
	t.Parallel()
	s := build(t, "0")
	j, _, err := s.site.root.Jobs().Info(s.job(), &api.QueryOptions{Namespace: namespaces.Runs})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		cluster.MetaRepoURL: "https://git.example.org/acme/shop.git", cluster.MetaCommit: s.r.Code.Commit, cluster.MetaBranch: "refs/pull/7/head", cluster.MetaFlavor: "arm",
	}
	if diff := cmp.Diff(want, j.Meta); diff != "" {
		t.Error(diff)
	}
	s.kinds()
}

func TestARefusalSaysWhatTheBuilderMisses(t *testing.T) {
	t.Parallel()
	s := theCluster(t)
	d := s.dispatcher(t, t.TempDir(), nil)
	for name, c := range map[string]struct {
		change func(*api.Job)
		why    string
	}{
		"fits":        {func(*api.Job) {}, ""},
		"not-one-key": {func(j *api.Job) { j.ParameterizedJob.MetaRequired = cluster.RequiredMeta[:3] }, "does not require the meta key FLAVOR"},
		"key-too-many": {func(j *api.Job) {
			j.ParameterizedJob.MetaRequired = append([]string{"COLOUR"}, cluster.RequiredMeta...)
		}, "requires the meta key COLOUR"},
		"payload":  {func(j *api.Job) { j.ParameterizedJob.Payload = "required" }, "requires a payload"},
		"no-group": {func(j *api.Job) { j.TaskGroups[0].Name = ptr("work") }, `has no group "runner"`},
		"no-task":  {func(j *api.Job) { j.TaskGroups[0].Tasks[0].Name = "work" }, `has no task "executor" in its group "runner"`},
		"not-parametered": {func(j *api.Job) {
			j.ParameterizedJob = nil
			j.Constraints = []*api.Constraint{api.NewConstraint("${meta.moon}", "=", "full")}
		}, "is not parameterized"},
	} {
		t.Run(name, func(t *testing.T) {
			id := "builder-" + name
			j := buildJob(id, "0")
			c.change(j)
			if err := s.register(j); err != nil {
				t.Fatal(err)
			}
			why, next, err := d.CannotDispatch(t.Context(), recipes.Enrolment{Name: "shop", Builder: id})
			if err != nil || !strings.Contains(why, c.why) || (why == "") != (c.why == "") || (next == "") != (why == "") {
				t.Errorf("%q, %q, %v; want %q", why, next, err, c.why)
			}
		})
	}
	for name, c := range map[string]struct {
		e         recipes.Enrolment
		why, next string
	}{
		"no job's name":     {recipes.Enrolment{Builder: "${x}/y"}, "is not the name of a job", "builder"},
		"no such job":       {recipes.Enrolment{Builder: "nobody"}, "The builder nobody does not exist", "registers it"},
		"needs, but no job": {recipes.Enrolment{Name: "needy", Needs: []string{"browser"}}, "no job seatrial-run-needy", "seatrial nomad setup"},
		"image, but no job": {recipes.Enrolment{Name: "needy", Image: "alpine"}, "no job seatrial-run-needy", "seatrial nomad setup"},
		"plain":             {recipes.Enrolment{Name: "plain"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			why, next, err := d.CannotDispatch(t.Context(), c.e)
			if err != nil || !strings.Contains(why, c.why) || (why == "") != (c.why == "") || !strings.Contains(next, c.next) {
				t.Errorf("%q, %q, %v; want %q, %q", why, next, err, c.why, c.next)
			}
		})
	}
	t.Run("no such namespace", func(t *testing.T) {
		d := s.dispatcher(t, t.TempDir(), func(c *nomad.Config) { c.Namespaces = cluster.NamespacesFor("elsewhere"); c.Client = s.root })
		if why, next, err := d.CannotDispatch(t.Context(), recipes.Enrolment{Name: "plain"}); err != nil || !strings.Contains(why, "no namespace elsewhere") || !strings.Contains(next, "setup") {
			t.Errorf("%q, %q, %v", why, next, err)
		}
	})
	t.Run("a token that may not dispatch", func(t *testing.T) {
		token, err := s.newToken("looker", strings.Replace(rights, `"dispatch-job", `, "", 1))
		if err != nil {
			t.Fatal(err)
		}
		d := s.dispatcher(t, t.TempDir(), func(c *nomad.Config) { c.Client.SetToken(token) })
		if why, _, err := d.CannotDispatch(t.Context(), recipes.Enrolment{Name: "plain"}); err != nil || !strings.Contains(why, "lacks dispatch-job") {
			t.Errorf("%q, %v", why, err)
		}
	})
}

func TestHostileTextStaysOutOfMeta(t *testing.T) {
	t.Parallel()
	s := theCluster(t)
	d := s.dispatcher(t, t.TempDir(), nil)
	for name, change := range map[string]func(*run.Request){
		"an expression":      func(r *run.Request) { r.Code.Ref = "refs/heads/${attr.unique.hostname}" },
		"a template":         func(r *run.Request) { r.Code.URL = `https://x/{{ env "NOMAD_TOKEN" }}` },
		"control":            func(r *run.Request) { r.Code.Repo = "acme/shop\nX=1" },
		"no text":            func(r *run.Request) { r.Code.Ref = "refs/heads/\xff" },
		"far too much of it": func(r *run.Request) { r.Code.Ref = strings.Repeat("x", cluster.MaxMeta) },
	} {
		t.Run(name, func(t *testing.T) {
			r := request("plain")
			change(&r)
			err := d.Dispatch(t.Context(), r, 1, lease())
			if err == nil || !strings.Contains(err.Error(), "cannot dispatch run") {
				t.Errorf("got %v", err)
			}
			live, err := d.Live(t.Context())
			if err != nil || slices.ContainsFunc(live, func(a nomad.Attempt) bool { return a.Run == r.ID }) {
				t.Errorf("it runs: %v, %v", live, err)
			}
		})
	}
	t.Run("in the packed job it is only text", func(t *testing.T) {
		r := request("plain")
		r.AskedBy.Login = `${env["HOME"]} {{ key }}` + "\x00"
		if err := d.Dispatch(t.Context(), r, 1, lease()); err != nil {
			t.Fatal(err)
		}
		if got := events(t, d, r.ID, 0); len(got) != 3 {
			t.Errorf("got %v", got)
		}
	})
}

func TestResultsAreMirroredAndNothingElse(t *testing.T) {
	t.Parallel()
	s := begin(t, crafty, nil)
	s.kinds()
	folder := dispatch.Folder(s.root, s.r.ID, 1)
	write(filepath.Join(folder, ".new-1"), "half")
	if swept := s.sweep(); len(swept.Leftovers) != 0 {
		t.Errorf("left: %v", swept)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"cluster.json", dispatch.EventsFile, dispatch.LogFile, "result.json", cluster.SweptFile, "trace.zip"}, names); diff != "" {
		t.Error(diff)
	}
	note, err := os.ReadFile(filepath.Join(folder, "cluster.json"))
	if err != nil || strings.Contains(string(note), "stopped") {
		t.Errorf("the run wrote the bridge's own note: %s, %v", note, err)
	}
}
