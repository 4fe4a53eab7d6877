package admission_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/recipes"
)

// town knows who is where. What it does not know by name it says it cannot find out.
type town struct {
	members map[int64]bool
	teams   map[string]map[int64]bool
	broken  map[string]bool // teams, or the organisation, that cannot be asked about
}

func (w town) Member(_ context.Context, org string, p forge.Person) (bool, error) {
	if w.broken[org] {
		return false, errors.New("502")
	}
	return w.members[p.ID], nil
}

func (w town) TeamMember(_ context.Context, _, team string, p forge.Person) (bool, error) {
	members, there := w.teams[team]
	switch {
	case w.broken[team]:
		return false, errors.New("502")
	case !there:
		return false, fmt.Errorf("cannot find the team %s: %w", team, forge.ErrNotFound)
	}
	return members[p.ID], nil
}

// Each rule about people with each kind of asker, and with what cannot be found out.
func TestWhoMayAsk(t *testing.T) {
	const (
		start   = "a request"
		later   = "asked again later"
		member  = "not-a-member"
		missing = "no-such-team crew"
	)
	ada, bob, eve := forge.Person{ID: 5, Login: "ada"}, forge.Person{ID: 6, Login: "bob"}, forge.Person{ID: 9, Login: "eve"}
	// Ada is a member and a packager, Bob a member and an owner, Eve a stranger.
	here := town{members: map[int64]bool{5: true, 6: true}, teams: map[string]map[int64]bool{"packagers": {5: true}, "owners": {6: true}}}
	no := new(bool)
	account := func(id int64) []recipes.Account { return []recipes.Account{{ID: id}} }
	team := func(name string) recipes.Account { return recipes.Account{Team: name} }
	for _, c := range []struct {
		name           string
		who            recipes.Who
		broken         string
		ada, bob, eve_ string
	}{
		{"the organisation", recipes.Who{}, "", start, start, member},
		{"the organisation, which cannot be asked about", recipes.Who{}, "coop", later, later, later},
		{"a team", recipes.Who{Teams: []string{"packagers"}}, "", start, "not-named packagers", "not-named packagers"},
		{"one of two teams", recipes.Who{Teams: []string{"packagers", "owners"}}, "", start, start, "not-named packagers owners"},
		{"two teams, one of which cannot be asked about", recipes.Who{Teams: []string{"owners", "packagers"}}, "owners", start, later, later},
		{"two teams, one of which is none", recipes.Who{Teams: []string{"crew", "packagers"}}, "", start, missing, missing},
		{"two teams, one none and one that cannot be asked about", recipes.Who{Teams: []string{"crew", "packagers"}}, "packagers", later, later, later},
		{"people", recipes.Who{Members: no, People: account(9)}, "coop", "not-named", "not-named", start},
		{"a team and people", recipes.Who{Teams: []string{"packagers"}, People: account(9)}, "", start, "not-named packagers", start},
		{"an approver", recipes.Who{RequireApproval: true, Approvers: account(6)}, "", "approval-needed #6", start, member},
		{"an approver who is no member", recipes.Who{RequireApproval: true, Approvers: account(9)}, "", "approval-needed #9", "approval-needed #9", start},
		{"approvers who are a team", recipes.Who{RequireApproval: true, Approvers: []recipes.Account{team("owners")}}, "", "approval-needed team/owners", start, member},
		{"approvers who are a team that is none", recipes.Who{RequireApproval: true, Approvers: []recipes.Account{team("crew"), {ID: 6}}}, "", missing, start, missing},
		{"approvers who cannot be asked about", recipes.Who{RequireApproval: true, Approvers: []recipes.Account{team("owners"), {ID: 5}}}, "owners", start, later, later},
		{"an approver where none is needed", recipes.Who{Members: no, People: account(5), Approvers: []recipes.Account{team("owners")}}, "", start, start, "not-named"},
		{"approvers who cannot be asked about, where none is needed", recipes.Who{Members: no, People: account(5), Approvers: []recipes.Account{team("owners")}}, "owners", start, later, later},
		{"nobody is asked about who is named", recipes.Who{People: account(5)}, "coop", start, later, later},
	} {
		here.broken = map[string]bool{c.broken: true}
		for asker, want := range map[forge.Person]string{ada: c.ada, bob: c.bob, eve: c.eve_} {
			t.Run(c.name+": "+asker.Login, func(t *testing.T) {
				in := input()
				in.Comment.Author, in.Enrolment.Who = asker, c.who
				got, err := admission.Decide(t.Context(), in, here)
				switch {
				case want == later:
					if !errors.Is(err, admission.ErrMembershipUnknown) {
						t.Errorf("got %+v, %v; want it to be asked again", got, err)
					}
				case err != nil:
					t.Error(err)
				case want == start:
					if got.Request == nil || got.Request.AskedBy.ID != asker.ID {
						t.Errorf("got %+v, want a request", got)
					}
				case got.Refusal == nil || got.Refusal.String() != want:
					t.Errorf("got %v, want %s", got.Refusal, want)
				}
				in.Vouched = true
				if got, err := admission.Decide(t.Context(), in, here); err != nil || got.Request == nil {
					t.Errorf("with a token: got %+v, %v", got, err)
				}
			})
		}
	}
}

// Whoever renames themselves stays who they are where they are known by number, and
// becomes somebody else where they are known by login.
func TestARenamedPersonIsKnownByNumber(t *testing.T) {
	for _, c := range []struct {
		listed recipes.Account
		asker  forge.Person
		want   bool
	}{
		{recipes.Account{ID: 5}, forge.Person{ID: 5, Login: "lovelace"}, true},
		{recipes.Account{ID: 5}, forge.Person{ID: 77, Login: "ada"}, false},
		{recipes.Account{Login: "ADA"}, forge.Person{ID: 5, Login: "ada"}, true},
		{recipes.Account{Login: "ada"}, forge.Person{ID: 5, Login: "lovelace"}, false},
		{recipes.Account{Login: ""}, forge.Person{ID: 5, Login: ""}, false}, // a deleted account
		{recipes.Account{Team: "ada"}, forge.Person{ID: 5, Login: "ada"}, false},
	} {
		in := input()
		in.Comment.Author, in.Enrolment.Who = c.asker, recipes.Who{Members: new(bool), People: []recipes.Account{c.listed}}
		got, err := admission.Decide(t.Context(), in, town{})
		if err != nil || (got.Request != nil) != c.want {
			t.Errorf("%+v, listed as %+v: got %+v, %v", c.asker, c.listed, got, err)
		}
	}
}

func TestWhoeverJoinsStartsNothingMore(t *testing.T) {
	in := input()
	in.PerHour, in.Asked = 1, []time.Time{noon}
	for joins, want := range map[bool]bool{true: true, false: false} {
		in.Joins = joins
		got, err := admission.Decide(t.Context(), in, &members{yes: true})
		if err != nil || (got.Request != nil) != want {
			t.Errorf("joins %t: got %+v, %v", joins, got, err)
		}
	}
}
