package e2e_test

import (
	"strings"
	"testing"

	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/run"
)

// TestNomadJobFile lets a recipe that is a Nomad job file be tested on the cluster on
// which its run is dispatched.
func TestNomadJobFile(t *testing.T) {
	n := theNomad(t)
	t.Parallel()
	s, err := newStageOf("guestbook-nomad", forgetest.NewServer(t), t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	check(s.onNomad(n, nil))
	check(s.serve())
	defer s.bridge.stop()
	s.comment, err = s.world.Comment(s.repo, s.pull, s.name("anna"), "!testme")
	check(err)
	check(s.expectApp("Guestbook"))
	check(s.expectStatus(false, []string{"success"}))
	reports, err := s.reports()
	check(err)
	if r := reports[0]; r.Verdict() != run.VerdictPass || r.Level() != run.MaxLevel || len(r.Leftovers) > 0 {
		t.Errorf("the run is %s at level %d with %v left over: %s\n%s", r.Verdict(), r.Level(), r.Leftovers, r.WouldRaise(), s.lastWords())
	}
	page, err := s.get("/runs/" + string(reports[0].Request.ID))
	check(err)
	for _, name := range []string{reports[0].Started.Job, reports[0].Started.Alloc, reports[0].Started.Node} {
		if name == "" || !strings.Contains(page, name) {
			t.Errorf("the run's page does not name %q", name)
		}
	}
	check(s.eventually("nothing to be left on the cluster", false, func() (bool, error) {
		left, err := s.leftOnNomad()
		return len(left) == 0, err
	}))
	check(s.offNomad())
}
