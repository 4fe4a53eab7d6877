package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"seatrial/bridge/forge"
)

// peopleContract: who is who, and what a pull request says about itself.
var peopleContract = []clause{
	{"who is in a team is known, and a team that is none is said", func(s *scene) {
		s.must(s.World.AddTeam(s.org, "packagers", s.bot, s.alice))
		for p, want := range map[forge.Person]bool{s.aliceP: true, s.malP: false, {ID: 99999, Login: "nobody" + s.Suffix}: false} {
			is, err := s.forge.TeamMember(s.ctx, s.org, "packagers", p)
			if err != nil || is != want {
				s.Errorf("%s: in the team %v (%v), want %v", p.Login, is, err, want)
			}
		}
		if _, err := s.forge.TeamMember(s.ctx, s.org, "nobodies", s.aliceP); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("a team that is none: %v", err)
		}
	}},
	{"what an account may do is said, and what to do about what it may not", func(s *scene) {
		gone := forge.Repo{Forge: s.repo.Forge, Owner: s.org, Name: "gone"}
		for login, want := range map[string][]string{
			s.bot:     {"missing: read " + gone.String()},
			s.mallory: {"missing: read the members of " + s.org, "missing: read " + gone.String(), "missing: set commit statuses"},
		} {
			var got []string
			for _, a := range s.as(login).Examine(s.ctx, s.org, []forge.Repo{gone, s.repo}) {
				if a.State != forge.AbilityThere {
					got = append(got, fmt.Sprintf("%s: %s", a.State, a.Name))
				}
				if a.Why == "" || (a.Next == "") != (a.State == forge.AbilityThere) {
					s.Errorf("%s: %+v does not say why, or what to do", login, a)
				}
			}
			if !slices.Equal(got, want) {
				s.Errorf("%s: %q, want %q", login, got, want)
			}
		}
	}},
	{"how much of a limit is left is known after an answer", func(s *scene) {
		_, err := s.forge.Self(s.ctx)
		s.must(err)
		if b := s.forge.Budget(); b.Left > b.Limit || (b.Limit == 0) != b.Reset.IsZero() {
			s.Errorf("got %+v", b)
		}
	}},
	{"a pull request says where it comes from", func(s *scene) {
		pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		// What a fork is called is its owner's business.
		if owner, name, ok := strings.Cut(pr.HeadRepo, "/"); !ok || name == "" || !strings.EqualFold(owner, s.mallory) || pr.Draft || pr.Locked || pr.Private {
			s.Errorf("got %+v, want one that comes from a repository of %s", pr, s.mallory)
		}
	}},
}
