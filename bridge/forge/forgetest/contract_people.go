package forgetest

import (
	"errors"
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
	{"a pull request says where it comes from", func(s *scene) {
		pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		// What a fork is called is its owner's business.
		if owner, name, ok := strings.Cut(pr.HeadRepo, "/"); !ok || name == "" || !strings.EqualFold(owner, s.mallory) || pr.Draft || pr.Locked || pr.Private {
			s.Errorf("got %+v, want one that comes from a repository of %s", pr, s.mallory)
		}
	}},
}
