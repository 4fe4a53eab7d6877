package run_test

import (
	"strings"
	"testing"

	"seatrial/harness/run"
)

func TestAnAccountIsKnownByItsNumberElseByItsLogin(t *testing.T) {
	all := run.Accounts{
		{Forge: "gitea", Person: run.Person{Login: "ada", ID: 7}},
		{Forge: "github", Person: run.Person{Login: "lovelace"}},
	}
	for _, test := range []struct {
		forge string
		who   run.Person
		want  bool
	}{
		{"gitea", run.Person{Login: "ada", ID: 7}, true},
		{"gitea", run.Person{Login: "countess", ID: 7}, true}, // was renamed
		{"gitea", run.Person{Login: "ada", ID: 8}, false},     // took a login that became free
		{"gitea", run.Person{Login: "ADA"}, true},
		{"gitea", run.Person{ID: 7}, true},
		{"gitea", run.Person{}, false},
		{"gitea", run.Person{Login: "lovelace"}, false},
		{"github", run.Person{Login: "Lovelace", ID: 7}, true},
		{"github", run.Person{Login: "ada", ID: 7}, false},
		{"", run.Person{Login: "ada"}, false},
	} {
		if got := all.Has(test.forge, test.who); got != test.want {
			t.Errorf("%s %+v: %v, want %v", test.forge, test.who, got, test.want)
		}
	}
	anywhere := run.Accounts{{Person: run.Person{Login: "ada"}}}
	if !anywhere.Has("github", run.Person{Login: "ada", ID: 9}) || anywhere.Has("github", run.Person{}) {
		t.Error("a login on any forge")
	}
}

func TestAPersonIsForgottenInEvents(t *testing.T) {
	all := run.Accounts{{Person: run.Person{Login: "ada"}}}
	for name, test := range map[string]struct{ before, after run.Event }{
		"joined":       {run.Event{Kind: run.KindJoined, Note: "Ada"}, run.Event{Kind: run.KindJoined, Note: "somebody"}},
		"cancelled":    {run.Event{Kind: run.KindCancelAsked, Note: "ada: it hangs: look"}, run.Event{Kind: run.KindCancelAsked, Note: "somebody: it hangs: look"}},
		"another":      {run.Event{Kind: run.KindJoined, Note: "adam"}, run.Event{Kind: run.KindJoined, Note: "adam"}},
		"another kind": {run.Event{Kind: run.KindWarning, Note: "ada"}, run.Event{Kind: run.KindWarning, Note: "ada"}},
	} {
		got := test.before
		changed, err := all.ForgetIn(&got, "gitea")
		if err != nil || got.Note != test.after.Note || changed != (test.before.Note != test.after.Note) {
			t.Errorf("%s: %q, %v, %v", name, got.Note, changed, err)
		}
	}
	// What this version does not know of a request stays.
	e := run.Event{Kind: run.KindRequested, Data: []byte(`{"id":"x","asked_by":{"login":"ada","id":7},"limit":900000000000000001,"new":{"a":1}}`)}
	if changed, err := all.ForgetIn(&e, "gitea"); err != nil || !changed {
		t.Fatal(changed, err)
	}
	for _, want := range []string{`"asked_by":{"login":"somebody"}`, `"new":{"a":1}`, `"limit":900000000000000001`} {
		if !strings.Contains(string(e.Data), want) {
			t.Errorf("%s does not hold %s", e.Data, want)
		}
	}
}
