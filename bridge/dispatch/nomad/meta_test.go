package nomad

import (
	"testing"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// A builder learns whom it works for, if it declares the keys.
func TestABuilderIsToldTheFlavorAndWhetherToTrust(t *testing.T) {
	for _, c := range []struct {
		asked           string
		secrets         bool
		flavor, trusted string
	}{
		{"", false, "arm", "0"}, {"", true, "arm", "1"}, {"riscv", false, "riscv", "0"},
	} {
		r := run.Request{ID: "01k9zq3v8e2m4n6p8r0t2v4x6y", Recipe: "shop", Flavor: c.asked, Secrets: c.secrets,
			Code: run.Code{URL: "https://git.example.org/acme/shop.git", Commit: "1111111111111111111111111111111111111111", Ref: "refs/heads/main"}}
		job := dispatch.NewJob(r, 1, run.Lease{}, "seatrial", recipes.Enrolment{Name: "shop", Flavor: "arm"})
		meta, err := (&Dispatcher{}).meta(job, &api.ParameterizedJobConfig{MetaRequired: cluster.RequiredMeta, MetaOptional: []string{cluster.MetaTrusted}})
		if err != nil {
			t.Fatal(err)
		}
		if meta[cluster.MetaFlavor] != c.flavor || meta[cluster.MetaTrusted] != c.trusted {
			t.Errorf("%+v: told %v", c, meta)
		}
		if _, ok := meta[cluster.MetaJob]; ok {
			t.Error("it is told what it does not declare")
		}
	}
}
