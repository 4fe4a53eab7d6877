package forge_test

import (
	"testing"

	"seatrial/bridge/forge"
)

func TestScope(t *testing.T) {
	a := forge.Repo{Forge: "gitea", Owner: "coop", Name: "a"}
	b := forge.Repo{Forge: "gitea", Owner: "coop", Name: "b"}
	for _, c := range []struct {
		scope        forge.Scope
		name         string
		wantA, wantB bool
	}{
		{forge.Organisation("gitea", "coop", nil), "gitea:org:coop", true, true},
		{forge.Organisation("gitea", "coop", []forge.Repo{}), "gitea:org:coop", false, false},
		{forge.Organisation("gitea", "coop", []forge.Repo{b}), "gitea:org:coop", false, true},
		{forge.Repository(a), "gitea:repo:coop/a", true, false},
	} {
		if c.scope.Name() != c.name {
			t.Errorf("%+v is called %q, want %q", c.scope, c.scope.Name(), c.name)
		}
		if c.scope.Wants(a) != c.wantA || c.scope.Wants(b) != c.wantB {
			t.Errorf("%s wants a: %v, b: %v", c.name, c.scope.Wants(a), c.scope.Wants(b))
		}
	}
}
