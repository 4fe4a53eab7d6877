package nomadfake_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch/dispatchtest/nomadfake"
)

// onFake is a scene on a fake of its own.
func onFake(t *testing.T) (*scene, *nomadfake.Fake) {
	t.Helper()
	f := nomadfake.New(t)
	s := &scene{T: t, site: site{url: f.URL(), token: f.Token()}, name: "builder"}
	s.Client = s.client(t, f.Token())
	if _, err := s.Namespaces().Register(&api.Namespace{Name: namespace}, nil); err != nil {
		t.Fatal(err)
	}
	return s, f
}

func TestMisuseIsComplainedOf(t *testing.T) {
	for name, c := range map[string]struct {
		does func(s *scene)
		want string
	}{
		"an event stream of everything": {func(s *scene) {
			if body, err := s.Raw().Response("/v1/event/stream", nil); err == nil {
				body.Close()
			}
		}, "without a topic"},
		"a route that there is none of":   {func(s *scene) { _, _ = s.Raw().Response("/v1/search", nil) }, "nothing answers GET /v1/search"},
		"a filter that is not understood": {func(s *scene) { _, _, _ = s.Jobs().List(&api.QueryOptions{Filter: "Meta is empty"}) }, "no such filter"},
		"no namespace":                    {func(s *scene) { s.SetNamespace(""); _, _, _ = s.Jobs().List(nil) }, "GET /v1/jobs names no namespace"},
		"asking in a hurry": {func(s *scene) {
			for range 40 {
				_, _, _ = s.Jobs().List(nil)
			}
		}, "more than 20 times a second"},
		"a job that is restarted": {func(s *scene) {
			j := s.jobThat("nothing")
			j.TaskGroups[0].RestartPolicy.Attempts = ptr(1)
			s.register(j)
			s.over(s.again("", ""))
		}, "is restarted where it fails"},
		"a job that is rescheduled": {func(s *scene) {
			j := s.jobThat("nothing")
			j.TaskGroups[0].ReschedulePolicy = nil // Nomad's own is to do it once
			s.register(j)
			s.over(s.again("", ""))
		}, "is rescheduled where it fails"},
		"a secret in the meta": {func(s *scene) {
			j := s.jobThat("nothing")
			j.Meta = map[string]string{"forge_token": "x"}
			s.register(j)
		}, "forge_token looks like a secret"},
		"stopping so that another one is placed": {func(s *scene) {
			child := s.dispatch("waits")
			_, _ = s.Allocations().Stop(s.waits(child), nil)
			s.over(child)
		}, "without reschedule=true"},
		"a driver that there is none of": {func(s *scene) {
			j := s.jobThat("nothing")
			j.TaskGroups[0].Tasks[0].Driver = "docker"
			s.register(j)
		}, "there is only raw_exec"},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := onFake(t)
			c.does(s)
			if got := f.Complaints(); len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("complaints %q; want %q", got, c.want)
			}
			if f.Forgive(); len(f.Complaints()) != 0 {
				t.Error("it does not forgive")
			}
		})
	}
}

func TestAComplaintFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	f := nomadfake.New(r)
	s := &scene{T: t, site: site{url: f.URL(), token: f.Token()}}
	_, _ = s.client(t, f.Token()).Raw().Response("/v1/search", nil)
	r.cleanUp()
	if len(r.failed) != 1 || !strings.Contains(r.failed[0], "/v1/search") {
		t.Errorf("it said %q", r.failed)
	}
}

// recorder is a test that remembers why it failed.
type recorder struct {
	testing.TB
	cleanups []func()
	failed   []string
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(text string, of ...any) {
	r.failed = append(r.failed, fmt.Sprintf(text, of...))
}
func (r *recorder) cleanUp() {
	for _, f := range r.cleanups {
		f()
	}
}

func TestTheFakeLeavesNothingRunning(t *testing.T) {
	r := &recorder{TB: t}
	f := nomadfake.New(r)
	s := &scene{T: t, site: site{url: f.URL(), token: f.Token()}, name: "builder"}
	s.Client = s.client(t, f.Token())
	if _, err := s.Namespaces().Register(&api.Namespace{Name: namespace}, nil); err != nil {
		t.Fatal(err)
	}
	a := s.waits(s.dispatch("ignores"))
	dir := f.AllocDir(a.ID)
	r.cleanUp()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("its directory is there: %v", err)
	}
	environs, _ := os.ReadDir("/proc")
	for _, p := range environs {
		if env, _ := os.ReadFile("/proc/" + p.Name() + "/environ"); strings.Contains(string(env), "NOMAD_ALLOC_ID="+a.ID) {
			t.Errorf("process %s goes on", p.Name())
		}
	}
	if len(r.failed) > 0 {
		t.Errorf("complaints %q", r.failed)
	}
}

func TestSteering(t *testing.T) {
	t.Run("without a leader nothing is answered, but the files of a node are", func(t *testing.T) {
		s, f := onFake(t)
		a := s.over(s.dispatch("nothing"))
		f.NoLeader(true)
		_, _, err := s.Jobs().List(nil)
		s.refused(err, 500, "No cluster leader")
		if got := s.read(a, "alloc/note.txt"); got != "torn down" {
			t.Errorf("got %q", got)
		}
		f.NoLeader(false)
		if _, _, err := s.Jobs().List(nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("memory that runs out is told", func(t *testing.T) {
		s, f := onFake(t)
		child := s.dispatch("waits")
		f.OOM(s.waits(child).ID)
		if e := s.ended(s.over(child).TaskStates["executor"]); e.Details["oom_killed"] != "true" || e.Details["exit_code"] != "137" {
			t.Errorf("%v", e.Details)
		}
	})
	t.Run("what finds no room waits until there is some", func(t *testing.T) {
		s, f := onFake(t)
		f.Unplaceable(true)
		child := s.dispatch("nothing")
		if n := f.Starts(child); n != 0 {
			t.Errorf("started %d times", n)
		}
		evals, _, err := s.Jobs().Evaluations(child, nil)
		if err != nil || len(evals) != 2 || evals[1].FailedTGAllocs["runner"].DimensionExhausted["memory"] != 1 || evals[0].Status != "blocked" {
			t.Errorf("%+v, %v", evals, err)
		}
		f.Unplaceable(false)
		s.over(child)
		if n := f.Starts(child); n != 1 {
			t.Errorf("started %d times", n)
		}
	})
	t.Run("a node that comes back tells what happened meanwhile", func(t *testing.T) {
		s, f := onFake(t)
		child := s.dispatch("waits")
		s.waits(child)
		f.Disconnect("node-1")
		if a := s.allocation(child); a.ClientStatus != "unknown" || a.DesiredStatus != "run" {
			t.Errorf("%s, to %s", a.ClientStatus, a.DesiredStatus)
		}
		if _, _, err := s.Jobs().Deregister(child, false, nil); err != nil {
			t.Fatal(err)
		}
		if a := s.allocation(child); a.ClientStatus != "unknown" || a.DesiredStatus != "stop" {
			t.Errorf("%s, to %s", a.ClientStatus, a.DesiredStatus)
		}
		f.Return("node-1")
		if a := s.over(child); a.ClientStatus != "complete" {
			t.Errorf("%s: %s", a.ClientStatus, a.ClientDescription)
		}
	})
	t.Run("what a lost node did is done again on another one, and never by the lost one", func(t *testing.T) {
		s, f := onFake(t)
		child := s.dispatch("waits")
		s.waits(child)
		f.AddNode("node-2", nil)
		f.Lose("node-1")
		s.eventually("it is placed again", func() bool { return f.Starts(child) == 2 })
		list, _, err := s.Jobs().Allocations(child, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{}
		for _, a := range list {
			names[a.NodeName] = a.ClientStatus
		}
		if names["node-1"] != "lost" || names["node-2"] == "lost" {
			t.Errorf("got %v", names)
		}
	})
	t.Run("streams that are cut end", func(t *testing.T) {
		s, f := onFake(t)
		a := s.over(s.dispatch("nothing"))
		time.AfterFunc(200*time.Millisecond, f.CutStreams)
		if got, ended := s.frames(1000, "stream", a, "path", "alloc/note.txt"); got != "torn down" || !ended {
			t.Errorf("got %q, ended %v", got, ended)
		}
	})
	t.Run("requests are counted by what they ask", func(t *testing.T) {
		s, f := onFake(t)
		for range 3 {
			_, _, _ = s.Jobs().Info("nobody", nil)
		}
		if diff := cmp.Diff(map[string]int{"PUT /v1/namespace": 1, "GET /v1/job/{job}": 3}, f.Requests()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the oldest of more events than are kept are forgotten", func(t *testing.T) {
		s, _ := onFake(t)
		s.register(s.jobThat("nothing"))
		for i := range 120 {
			if _, _, err := s.Variables().Create(&api.Variable{Path: fmt.Sprint("v/", i), Items: api.VariableItems{"a": "b"}}, nil); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Jobs().Register(s.jobThat("nothing"), nil); err != nil {
				t.Fatal(err)
			}
		}
		next := s.hear(s.token, map[string][]string{"topic": {"Job"}, "index": {"1"}})
		first, _, _, _ := next()
		last := first
		for range 99 {
			last, _, _, _ = next()
		}
		if j, _, err := s.Jobs().Info(s.name, nil); err != nil || last != *j.ModifyIndex {
			t.Errorf("a hundred events after %d there is %d, %v", first, last, err)
		}
	})
}
