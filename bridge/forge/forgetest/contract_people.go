package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"seatrial/bridge/forge"
)

// calmPeopleContract: who is who, and what a pull request says about itself.
var calmPeopleContract = []clause{
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
		owner, name, _ := strings.Cut(pr.HeadRepo, "/") // what a fork is called is its owner's matter
		if !strings.EqualFold(owner, s.mallory) || name == "" || pr.Draft || pr.Locked || pr.Private {
			s.Errorf("got %+v, want one that comes from a repository of %s", pr, s.mallory)
		}
	}},
	{"a comment that was deleted takes no eyes", func(s *scene) {
		id := s.say(s.alice, "!testme")
		s.must(s.World.DeleteComment(s.repo, id, s.alice))
		if err := s.forge.React(s.ctx, s.repo, id, forge.ReactionEyes); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("got %v", err)
		}
	}},
}

// peopleContract: what of that changes.
var peopleContract = []clause{
	{"a draft, a locked conversation and a private repository are told as such, and can be left again", func(s *scene) {
		w, ok := s.World.(interface {
			SetDraft(r forge.Repo, n int, draft bool) error
			SetLocked(r forge.Repo, n int, locked bool) error
			SetPrivate(r forge.Repo, private bool) error
		})
		s.only(ok, "nobody can do that to this forge")
		for _, is := range []bool{true, false} {
			s.must(w.SetDraft(s.repo, s.pull, is))
			s.must(w.SetLocked(s.repo, s.pull, is))
			s.must(w.SetPrivate(s.repo, is))
			pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
			if err != nil || pr.Draft != is || pr.Locked != is || pr.Private != is || !pr.Open || pr.Head != s.head {
				s.Errorf("%t: got %+v, %v", is, pr, err)
			}
			if branch, err := s.forge.Branch(s.ctx, s.repo, ""); err != nil || branch.Private != is {
				s.Errorf("%t: the branch is %+v, %v", is, branch, err)
			}
		}
	}},
	{"a locked conversation takes our comments only if we may write", func(s *scene) {
		w, ok := s.World.(interface {
			SetLocked(r forge.Repo, n int, locked bool) error
		})
		s.only(ok, "nobody can do that to this forge")
		s.must(w.SetLocked(s.repo, s.pull, true))
		if _, err := s.as(s.mallory).CreateComment(s.ctx, s.repo, s.pull, "hello"); !errors.Is(err, forge.ErrForbidden) {
			s.Errorf("a stranger: %v", err)
		}
		if _, err := s.forge.CreateComment(s.ctx, s.repo, s.pull, "hello"); err != nil {
			s.Errorf("the bot: %v", err)
		}
	}},
	{"a private repository is not found by strangers", func(s *scene) {
		w, ok := s.World.(interface {
			SetPrivate(r forge.Repo, private bool) error
		})
		s.only(ok, "nobody can do that to this forge")
		id := s.say(s.alice, "!testme")
		s.must(w.SetPrivate(s.repo, true))
		_, err := s.World.AddUser("eve" + s.Suffix)
		s.must(err)
		stranger := s.as("eve" + s.Suffix)
		if _, err := stranger.PullRequest(s.ctx, s.repo, s.pull); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("the pull request: %v", err)
		}
		if err := stranger.React(s.ctx, s.repo, id, forge.ReactionEyes); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("a reaction: %v", err)
		}
	}},
	{"who was renamed is still a member, under the old login too", func(s *scene) {
		s.only(s.Traits.OldLogins, "this forge forgets old logins")
		w, ok := s.World.(interface{ RenameUser(login, to string) error })
		s.only(ok, "nobody can do that to this forge")
		s.must(s.World.AddTeam(s.org, "packagers", s.bot, s.alice))
		s.must(w.RenameUser(s.alice, "lovelace"+s.Suffix))
		s.must(w.RenameUser(s.mallory, "eve"+s.Suffix))
		for p, want := range map[forge.Person]bool{s.aliceP: true, {ID: s.aliceP.ID, Login: "lovelace" + s.Suffix}: true, s.malP: false} {
			if is, err := s.forge.Member(s.ctx, s.org, p); err != nil || is != want {
				s.Errorf("%+v is a member: %v, %v; want %v", p, is, err, want)
			}
			if is, err := s.forge.TeamMember(s.ctx, s.org, "packagers", p); err != nil || is != want {
				s.Errorf("%+v is in the team: %v, %v; want %v", p, is, err, want)
			}
		}
		// Whoever takes the login that became free is somebody else.
		taker, err := s.World.AddUser(s.alice)
		s.must(err)
		if is, err := s.forge.TeamMember(s.ctx, s.org, "packagers", taker); err != nil || is {
			s.Errorf("who took the login is in the team: %v, %v", is, err)
		}
		if is, err := s.forge.Member(s.ctx, s.org, taker); err != nil || is {
			s.Errorf("who took the login is a member: %v, %v", is, err)
		}
	}},
	{"a repository that was renamed or moved is not found, and its new name is said", func(s *scene) {
		s.only(s.Traits.OrgQuestion, "this forge tells a number, not a name")
		w, ok := s.World.(interface {
			RenameRepo(r forge.Repo, owner, name string) (forge.Repo, error)
		})
		s.only(ok, "nobody can do that to this forge")
		guild := "guild" + s.Suffix
		s.must(s.World.AddOrg(guild))
		s.must(s.World.AddMember(guild, s.bot, Write))
		id := s.say(s.alice, "!testme")
		for _, owner := range []string{s.org, guild} {
			old := s.repo
			there, err := w.RenameRepo(s.repo, owner, "boat")
			s.must(err)
			_, err = s.forge.PullRequest(s.ctx, old, s.pull)
			_, _, errFeed := s.forge.CommentsAfter(s.ctx, forge.Repository(old), "")
			for what, err := range map[string]error{
				"the pull request": err, "a reaction": s.forge.React(s.ctx, old, id, forge.ReactionEyes), "its comments": errFeed,
			} {
				if what == "its comments" && err == nil {
					continue // a feed that begins need not ask
				}
				if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "is called "+there.String()+" now") {
					s.Errorf("%s of %s: %v", what, old, err)
				}
			}
			if pr, err := s.forge.PullRequest(s.ctx, there, s.pull); err != nil || pr.Repo != there {
				s.Errorf("by its new name: %+v, %v", pr, err)
			}
			s.repo = there
		}
	}},
}
