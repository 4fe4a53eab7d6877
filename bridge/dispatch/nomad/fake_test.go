package nomad_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/dispatchtest/nomadfake"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/cluster"
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
	s := &site{dir: t.TempDir(), addr: f.URL(), token: f.NewToken(may...)}
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
	t.Parallel()
	for name, listens := range map[string]bool{"listening": true, "asking": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dispatchtest.Contract(t, func(t *testing.T) dispatchtest.Fixture {
				t.Parallel()
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
	if err := s.d.Dispatch(t.Context(), s.r, 1, lease()); err != nil {
		t.Fatal(err)
	}
	return s, f
}

// mishaps happen to a chatty run after so many of its events.
func TestMishapsLoseNoEventsOnTheFake(t *testing.T) {
	t.Parallel()
	for name, mishaps := range map[string]map[int]func(*nomadfake.Fake){
		"streams that are cut": {
			20: (*nomadfake.Fake).CutStreams, 40: (*nomadfake.Fake).CutStreams, 60: (*nomadfake.Fake).CutStreams,
		},
		"no leader for a while": {
			30: func(f *nomadfake.Fake) {
				f.NoLeader(true)
				time.AfterFunc(2*time.Second, func() { f.NoLeader(false) })
			},
		},
		"a node that does not answer, and comes back": {
			30: func(f *nomadfake.Fake) {
				f.Disconnect("node-1")
				time.AfterFunc(2*time.Second, func() { f.Return("node-1") })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := beginOnTheFake(t, chatty, nil)
			var seqs []int64
			for e, err := range s.d.Follow(t.Context(), s.r.ID, 1, 0) {
				if err != nil {
					t.Fatal(err)
				}
				seqs = append(seqs, e.Seq)
				if does := mishaps[len(seqs)]; does != nil {
					does(f)
				}
				if len(seqs) == 100 {
					eventually(t, "it is stopped", func() bool { return s.d.Stop(t.Context(), s.r.ID, 1) == nil })
				}
			}
			unbroken(t, seqs)
			if len(seqs) < 100 {
				t.Errorf("only %d events", len(seqs))
			}
			s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
			if n := f.Starts(s.job()); n != 1 {
				t.Errorf("it was started %d times", n)
			}
		})
	}
}

func TestABridgeThatIsRestartedMissesNothingOnTheFake(t *testing.T) {
	t.Parallel()
	s, _ := beginOnTheFake(t, chatty, nil)
	var seqs []int64
	for round := range 3 {
		d := s.site.dispatcher(t, s.root, nil)
		if round == 2 {
			if err := d.Stop(t.Context(), s.r.ID, 1); err != nil {
				t.Fatal(err)
			}
		}
		taken := 0
		for e, err := range d.Follow(t.Context(), s.r.ID, 1, int64(len(seqs))) {
			if err != nil {
				t.Fatal(err)
			}
			seqs = append(seqs, e.Seq)
			if taken++; round < 2 && taken == 30 {
				break
			}
		}
	}
	unbroken(t, seqs)
	s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
}

func TestGarbageOnTheFake(t *testing.T) {
	t.Parallel()
	t.Run("after it was read it is complete, and is not started again", func(t *testing.T) {
		s, f := beginOnTheFake(t, dispatchtest.Finishes, nil)
		if diff := cmp.Diff(whole, s.kinds()); diff != "" {
			t.Error(diff)
		}
		f.CollectGarbage()
		s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
		if err := s.d.Dispatch(t.Context(), s.r, 1, lease()); err != nil || starts(s.site.dir, s.r.ID, 1) != 1 {
			t.Errorf("it was started again: %v", err)
		}
	})
	t.Run("before it was read it is lost", func(t *testing.T) {
		s, f := beginOnTheFake(t, dispatchtest.Finishes, nil)
		eventually(t, "it is forgotten", func() bool {
			f.CollectGarbage()
			jobs, _, err := s.site.root.Jobs().List(&api.QueryOptions{Namespace: namespaces.Runs, Filter: `ID contains "` + string(s.r.ID) + `"`})
			return err == nil && len(jobs) == 0
		})
		if kinds := s.kinds(); len(kinds) != 0 {
			t.Errorf("got %v", kinds)
		}
		s.wantOf(dispatch.Lost, "", "garbage", s.d, s.site.dispatcher(t, s.root, nil))
	})
}

func TestANodeThatIsLostDisplacesOnTheFake(t *testing.T) {
	t.Parallel()
	s, f := beginOnTheFake(t, deaf, nil)
	s.first()
	f.Disconnect("node-1")
	s.wantOf(dispatch.Running, "", "does not answer", s.d, s.site.dispatcher(t, s.root, nil))
	f.Lose("node-1")
	if diff := cmp.Diff([]run.Kind{run.KindStarted}, s.kinds()); diff != "" {
		t.Error(diff)
	}
	s.wantOf(dispatch.Lost, dispatch.Displaced, "was lost", s.d, s.site.dispatcher(t, s.root, nil))
	if offers := s.site.dispatcher(t, t.TempDir(), nil).Offers(); len(offers) != 0 {
		t.Errorf("a lost node offers %v", offers)
	}
	if swept := s.sweep(); len(swept.Leftovers) != 0 {
		t.Errorf("left: %v", swept)
	}
}

func TestWhatIsStoppedWhileItsNodeIsAwayIsNotStartedAgainOnTheFake(t *testing.T) {
	t.Parallel()
	s, f := beginOnTheFake(t, dispatchtest.Waits, nil)
	s.first()
	f.Disconnect("node-1")
	if err := s.d.Stop(t.Context(), s.r.ID, 1); err != nil {
		t.Fatal(err)
	}
	f.Return("node-1")
	if diff := cmp.Diff(whole, s.kinds()); diff != "" {
		t.Error(diff)
	}
	s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
	if n := f.Starts(s.job()); n != 1 {
		t.Errorf("it was started %d times", n)
	}
}

func TestWhatCannotBeReadIsNotTakenForAFileOnTheFake(t *testing.T) {
	t.Parallel()
	s, f := beginOnTheFake(t, dispatchtest.Waits, nil)
	s.first()
	alloc, noFile := s.alloc().ID, nomad.ErrNoFile
	for _, c := range []struct {
		alloc, path string
		does        func()
		want        error
	}{
		{alloc, cluster.AllocPath("nothing"), nil, noFile},
		{"11111111-2222-3333-4444-555555555555", cluster.AllocPath(dispatch.EventsFile), nil, nomad.ErrNoFiles},
		{alloc, cluster.AllocPath(dispatch.EventsFile), func() { f.Revoke(s.site.token) }, cluster.ErrForbidden},
	} {
		if c.does != nil {
			c.does()
		}
		var got strings.Builder
		if err := s.d.Read(t.Context(), c.alloc, c.path, 0, 100, &got); !errors.Is(err, c.want) && !cluster.Is(err, c.want) || got.Len() > 0 {
			t.Errorf("%s of %s: %q, %v; want %v", c.path, c.alloc, got.String(), err, c.want)
		}
	}
}

func TestADrainDisplacesOnTheFake(t *testing.T) {
	t.Parallel()
	s, f := beginOnTheFake(t, dispatchtest.Waits, nil)
	s.first()
	f.Drain("node-1")
	if diff := cmp.Diff(whole, s.kinds()); diff != "" {
		t.Error(diff)
	}
	s.want(dispatch.Complete, dispatch.Displaced, "")
}

func TestMemoryThatRunsOutOnTheFake(t *testing.T) {
	t.Parallel()
	s, f := beginOnTheFake(t, deaf, nil)
	s.first()
	f.OOM(s.alloc().ID)
	s.kinds()
	s.want(dispatch.Lost, "", "it ran out of memory on node node-1 (it was given 32 MiB)")
}

func TestWhatFindsNoRoomIsGivenUpOnTheFake(t *testing.T) {
	t.Parallel()
	site, f := fakeSite(t)
	f.Unplaceable(true)
	s := &scene{t: t, site: site, root: t.TempDir(), r: request(dispatchtest.Finishes)}
	s.d = listen(t, site.dispatcher(t, s.root, func(c *nomad.Config) { c.PlaceWithin = 2 * time.Second }))
	if err := s.d.Dispatch(t.Context(), s.r, 1, lease()); err != nil {
		t.Fatal(err)
	}
	if state := s.state(); state.Phase != dispatch.Pending || !strings.Contains(state.Detail, "1 of 1 nodes have too little memory left") {
		t.Errorf("state %v", state)
	}
	if kinds := s.kinds(); len(kinds) != 0 {
		t.Errorf("got %v", kinds)
	}
	s.wantOf(dispatch.Lost, "", "no node was found for it within 2s", s.d, site.dispatcher(t, s.root, nil))
	f.Unplaceable(false)
	if n := f.Starts(s.job()); n != 0 {
		t.Errorf("it was started later, %d times", n)
	}
}

func TestATokenThatIsRevokedStopsNothingOnTheFake(t *testing.T) {
	t.Parallel()
	var client *cluster.Client
	s, f := beginOnTheFake(t, chatty, func(c *nomad.Config) { client = c.Client })
	s.first()
	f.Revoke(s.site.token)
	if state, err := s.d.State(t.Context(), s.r.ID, 1); err == nil {
		t.Errorf("a token that is unknown may ask: %v", state)
	}
	client.SetToken(f.NewToken(may...))
	if err := s.d.Stop(t.Context(), s.r.ID, 1); err != nil {
		t.Fatal(err)
	}
	if kinds := s.kinds(); kinds[len(kinds)-1] != run.KindFinished {
		t.Errorf("it ended with %s", kinds[len(kinds)-1])
	}
}
