package nomad_test

import (
	"testing"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/dispatchtest/nomadfake"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/run"
)

// may is what the rights of a bridge are, as the fake takes them.
var may = []string{
	"list-jobs", "read-job", "dispatch-job", "read-logs", "read-fs", "alloc-lifecycle", "deregister-job", "node:read", "variables:read", "variables:destroy",
}

// fakeSite is a site whose cluster is the fake.
func fakeSite(t *testing.T) (*site, *nomadfake.Fake) {
	t.Helper()
	f := nomadfake.New(t)
	s := &site{dir: t.TempDir(), agent: &agent.Agent{HTTP: f.URL()}, token: f.NewToken(may...)}
	var err error
	if s.root, err = cluster.NewClient(cluster.Config{Address: f.URL(), Token: f.Token()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.root.Close)
	for _, name := range []string{namespaces.Runs, namespaces.Apps} {
		if _, err := s.root.Namespaces().Register(&api.Namespace{Name: name}, nil); err != nil {
			t.Fatal(err)
		}
	}
	j := job(cluster.JobRun)
	for _, task := range j.TaskGroups[0].Tasks {
		task.Env[childStarts] = s.dir
	}
	if err := s.register(j); err != nil {
		t.Fatal(err)
	}
	return s, f
}

func TestNomadOnTheFake(t *testing.T) {
	for name, listens := range map[string]bool{"listening": true, "asking": false} {
		t.Run(name, func(t *testing.T) {
			dispatchtest.Contract(t, func(t *testing.T) dispatchtest.Fixture {
				s, _ := fakeSite(t)
				root := t.TempDir()
				open := func() dispatch.Dispatcher {
					d := s.dispatcher(t, root, nil)
					if listens {
						listen(t, d)
					}
					return d
				}
				return dispatchtest.Fixture{
					Dispatcher: open(), Reopen: open,
					Starts: func(id run.ID, attempt int) int { return starts(s.dir, id, attempt) },
				}
			})
		})
	}
}

// beginOnTheFake dispatches an attempt there.
func beginOnTheFake(t *testing.T, recipe string, change func(*nomad.Config)) (*scene, *nomadfake.Fake) {
	t.Helper()
	site, f := fakeSite(t)
	s := &scene{t: t, site: site, root: t.TempDir(), r: request(recipe)}
	s.d = listen(t, site.dispatcher(t, s.root, change))
	return s, f
}

func (s *scene) dispatch() *scene {
	s.t.Helper()
	if err := s.d.Dispatch(s.t.Context(), s.r, 1, lease()); err != nil {
		s.t.Fatal(err)
	}
	return s
}
