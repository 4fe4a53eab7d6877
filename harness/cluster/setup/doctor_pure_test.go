package setup

import (
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"
)

func TestWhatAnOldNomadLacksIsSaid(t *testing.T) {
	for version, want := range map[string]int{"1.11.3": 0, "2.0.4": 0, "1.11.3-dev": 1, "1.11.2": 1, "1.11.1": 3, "1.10.2": 4, "1.9.7": 5, "garbage": 5} {
		d := &doctor{}
		d.version([]*api.NodeListStub{{Version: "9.9.9"}, {Version: version}})
		doubts := 0
		for _, f := range d.findings {
			if f.Mark == Doubt {
				doubts++
			}
			if !strings.Contains(f.What, version) {
				t.Errorf("%s: %s", version, f)
			}
		}
		if doubts != want {
			t.Errorf("%s: %d doubts, want %d: %v", version, doubts, want, d.findings)
		}
	}
}

func TestGrantsLooksIntoTheRightBlock(t *testing.T) {
	const rules = `
# namespace "ci" { capabilities = ["read-fs"] }
namespace "ci" {
  capabilities = ["read-logs"]
  variables {
    path "seatrial/*" { capabilities = ["list"] }
    path "other/*" { capabilities = ["destroy"] }
  }
}
namespace "ci-*" { policy = "write" }
namespace "x" { capabilities = ["alloc-lifecycle"] }
`
	for _, c := range []struct {
		capability, where string
		want              bool
	}{
		{"read-logs", "namespace ci", true},
		{"read-fs", "namespace ci", false},
		{"alloc-lifecycle", "namespace ci", false},
		{"alloc-lifecycle", "namespace ci-apps", true},
		{"list", "variables seatrial/leases/* of ci", true},
		{"destroy", "variables seatrial/leases/* of ci", false},
		{"list", "variables seatrial/leases/* of x", false},
	} {
		if got := grants(rules, need{capability: c.capability, where: c.where}); got != c.want {
			t.Errorf("%s in %s: %v", c.capability, c.where, got)
		}
	}
}
