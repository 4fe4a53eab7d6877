package nomad_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// unbroken fails the test unless the numbers are all there, once, in order.
func unbroken(t *testing.T, seqs []int64) {
	t.Helper()
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("event %d has number %d: %v", i+1, seq, seqs)
		}
	}
}

func TestABridgeThatIsRestartedMissesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, chatty, nil)
	var seqs []int64
	for round := range 4 {
		d := s.d
		if round > 0 {
			d = s.site.dispatcher(t, s.root, nil)
		}
		if round == 3 {
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
			if taken++; round < 3 && taken == 30 {
				break
			}
		}
	}
	unbroken(t, seqs)
	s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
}

func TestAnAgentThatIsKilledLosesNoEvents(t *testing.T) {
	s := begin(t, chatty, nil)
	live, err := s.d.Live(t.Context())
	if err != nil || !slices.Contains(live, nomad.Attempt{Run: s.r.ID, Attempt: 1, Job: s.job()}) {
		t.Errorf("live: %v, %v", live, err)
	}
	unbroken(t, s.talk(100, func(n int) {
		if n != 30 {
			return
		}
		s.site.agent.Kill()
		if err := s.site.agent.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}))
	s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
}

func TestATokenThatIsRevokedStopsNothing(t *testing.T) {
	t.Parallel()
	site := theCluster(t)
	token, err := site.newToken("short-lived", rights)
	if err != nil {
		t.Fatal(err)
	}
	var client *cluster.Client
	s := begin(t, chatty, func(c *nomad.Config) { client = c.Client; client.SetToken(token) }).first()
	site.revoke(t, client)
	eventually(t, "the token is refused", func() bool { _, err := s.d.State(t.Context(), s.r.ID, 1); return err != nil })
	client.SetToken(site.token)
	if err := s.d.Stop(t.Context(), s.r.ID, 1); err != nil {
		t.Fatal(err)
	}
	if kinds := s.kinds(); kinds[len(kinds)-1] != run.KindFinished {
		t.Errorf("it ended with %s", kinds[len(kinds)-1])
	}
}

func TestWhatCannotBeReadIsNotTakenForAFile(t *testing.T) {
	t.Parallel()
	site := theCluster(t)
	blind, err := site.newToken("blind", strings.Replace(rights, `"read-fs", `, "", 1))
	if err != nil {
		t.Fatal(err)
	}
	// It never reads before it is revoked: a node goes on with a token that it knows.
	revoked, err := site.newToken("revoked", rights)
	if err != nil {
		t.Fatal(err)
	}
	var client *cluster.Client
	s := begin(t, dispatchtest.Waits, func(c *nomad.Config) { client = c.Client }).first()
	alloc := s.alloc().ID
	for _, c := range []struct {
		alloc, path string
		does        func()
		want        error
	}{
		{alloc, cluster.AllocPath("nothing"), nil, nomad.ErrNoFile},
		{"11111111-2222-3333-4444-555555555555", cluster.AllocPath(dispatch.EventsFile), nil, nomad.ErrNoFiles},
		{alloc, cluster.AllocPath(dispatch.EventsFile), func() { client.SetToken(blind) }, cluster.ErrForbidden},
		{alloc, cluster.AllocPath(dispatch.EventsFile), func() { client.SetToken(revoked); site.revoke(t, client) }, cluster.ErrForbidden},
	} {
		if c.does != nil {
			c.does()
		}
		var got strings.Builder
		if err := s.d.Read(t.Context(), c.alloc, c.path, 0, 100, &got); !errors.Is(err, c.want) && !cluster.Is(err, c.want) || got.Len() > 0 {
			t.Errorf("%s of %s: %q, %v; want %v", c.path, c.alloc, got.String(), err, c.want)
		}
	}
	client.SetToken(site.token)
	if err := s.d.Stop(t.Context(), s.r.ID, 1); err != nil {
		t.Fatal(err)
	}
}

func TestTheCopyMayBeShorterOrLonger(t *testing.T) {
	t.Parallel()
	s := begin(t, dispatchtest.Finishes, nil)
	all := events(t, s.d, s.r.ID, 0)
	path := filepath.Join(dispatch.Folder(s.root, s.r.ID, 1), dispatch.EventsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(filepath.Dir(path), "cluster.json")
	for name, copied := range map[string][]byte{
		"none":                     nil,
		"half a line":              text[:len(text)/2],
		"a line, then zeros":       append(bytes.Clone(text[:bytes.IndexByte(text, '\n')+1]), make([]byte, 100)...),
		"more than was read":       text,
		"more than there ever was": append(bytes.Clone(text), text...),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, copied, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(note); err != nil {
				t.Fatal(err)
			}
			again := s.site.dispatcher(t, s.root, nil)
			if diff := cmp.Diff(all, events(t, again, s.r.ID, 0)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(all[2:], events(t, again, s.r.ID, 2)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatWasCollectedAsGarbage(t *testing.T) {
	collect := func(s *scene) {
		t.Helper()
		eventually(t, "it is forgotten", func() bool {
			if err := s.site.root.System().GarbageCollect(); err != nil {
				t.Fatal(err)
			}
			live, _, err := s.site.root.Jobs().List(&api.QueryOptions{Namespace: namespaces.Runs, Filter: `ID contains "` + string(s.r.ID) + `"`})
			return err == nil && len(live) == 0
		})
	}
	t.Run("after it was read it is complete", func(t *testing.T) {
		s := begin(t, dispatchtest.Finishes, nil)
		s.kinds()
		collect(s)
		for _, d := range []*nomad.Dispatcher{s.d, s.site.dispatcher(t, s.root, nil)} {
			if state, err := d.State(t.Context(), s.r.ID, 1); err != nil || state.Phase != dispatch.Complete {
				t.Errorf("state %v, %v", state, err)
			}
			if got := events(t, d, s.r.ID, 1); len(got) != 2 {
				t.Errorf("got %v", got)
			}
		}
		if swept := s.sweep(); len(swept.Leftovers) != 0 {
			t.Errorf("left: %v", swept)
		}
		if err := s.d.Dispatch(t.Context(), s.r, 1, lease()); err != nil || starts(s.site.dir, s.r.ID, 1) != 1 {
			t.Errorf("it was started again: %v", err)
		}
	})
	t.Run("before it was read it is lost", func(t *testing.T) {
		s := begin(t, dispatchtest.Finishes, nil)
		eventually(t, "it has ended", func() bool {
			allocs, _, err := s.site.root.Jobs().Allocations(s.job(), true, &api.QueryOptions{Namespace: namespaces.Runs})
			return err == nil && len(allocs) == 1 && allocs[0].ClientStatus == api.AllocClientStatusComplete
		})
		collect(s)
		if kinds := s.kinds(); len(kinds) != 0 {
			t.Errorf("got %v", kinds)
		}
		s.wantOf(dispatch.Lost, "", "garbage", s.d, s.site.dispatcher(t, s.root, nil))
	})
}

func TestOffersAreTheNodesCapabilities(t *testing.T) {
	t.Parallel()
	d := theCluster(t).dispatcher(t, t.TempDir(), nil)
	if offers := d.Offers(); !slices.ContainsFunc(offers, func(set []string) bool { return slices.Equal(set, []string{"browser", "kvm"}) }) {
		t.Errorf("offers %v", offers)
	}
}

func TestTheExecutorsOutputIsForPeople(t *testing.T) {
	t.Parallel()
	s := begin(t, exits, nil)
	s.kinds()
	var text bytes.Buffer
	if err := s.d.Logs(t.Context(), s.job(), "stdout", false, &text); err != nil || text.String() != "cannot read the sea chart\n" {
		t.Errorf("got %q, %v", text.String(), err)
	}
	if err := s.d.Logs(t.Context(), "nobody", "stdout", false, &text); err == nil {
		t.Error("there is a log of nobody")
	}
}
