package e2e_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/recipes/examples/mutants"
)

// wholeSwarm asks for all that takes long: make chaos-swarm.
var wholeSwarm = os.Getenv("SEATRIAL_SWARM_ALL") != ""

// quickMutants are those of every test, of each kind some.
var quickMutants = []string{
	"privileged", "docker-socket", "bind-mount", "host-network", "published-port", "secret-of-everyone", "volume-of-everyone", "undefined-variable",
	"no-such-image", "no-suitable-node", "crash-loop", "rolled-back", "dump-truncated",
}

// TestSwarmMutants runs every Co-op Cloud recipe with a planted defect on a real Docker
// Engine. None may pass at the highest level, and each must get its verdict for its own
// reason. TestSwarmRecipes
// is the control.
func TestSwarmMutants(t *testing.T) {
	e := swarmtest.Need(t)
	t.Parallel()
	for _, m := range mutants.Swarm() {
		if !wholeSwarm && !slices.Contains(quickMutants, strings.TrimPrefix(m.Name, "swarm-")) {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			enrolment, err := m.Enrolment()
			if err != nil {
				t.Fatal(err)
			}
			got := examineOn(t, e, m.Example, enrolment, func(dir string) error { return m.Write(t.Context(), dir) })
			holds(t, "swarm", m, got)
		})
	}
}
