package forgetest

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"seatrial/bridge/forge"
)

// calmContract: what is known, and what we write, arrives.
var calmContract = []clause{
	{"a pull request is described as it is", func(s *scene) {
		pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		if pr.Repo != s.repo || pr.Number != s.pull || pr.Title != "A better app" || pr.Author != s.malP || !pr.Open || pr.Merged ||
			pr.Head != s.head || pr.Base != "main" || !strings.HasPrefix(pr.HeadBranch, "change") {
			s.Errorf("got %+v", pr)
		}
		if !strings.HasPrefix(pr.CloneURL, s.World.URL()) || !strings.HasPrefix(pr.URL, s.World.URL()) {
			s.Errorf("its addresses are %q and %q", pr.CloneURL, pr.URL)
		}
	}},
	{"the head can be fetched from the repository itself, and so can tags", func(s *scene) {
		pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		to := s.TempDir()
		_, err = Git(to, "init", "--quiet", "--bare")
		s.must(err)
		_, err = Git(to, "fetch", "--quiet", pr.CloneURL, "+"+pr.HeadRef+":refs/heads/head", "+refs/tags/*:refs/tags/*")
		s.must(err)
		head, err := Git(to, "rev-parse", "refs/heads/head")
		s.must(err)
		tag, err := Git(to, "rev-parse", "refs/tags/v1.0.0")
		s.must(err)
		if head != s.head || tag != s.main {
			s.Errorf("fetched %s and %s, want %s and %s", head, tag, s.head, s.main)
		}
	}},
	{"a pull request that does not exist is not found", func(s *scene) {
		_, err := s.forge.PullRequest(s.ctx, s.repo, 4711)
		if !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("got %v", err)
		}
	}},
	{"who is not a member is told nothing about others, which is an error and not a no", func(s *scene) {
		is, err := s.as(s.mallory).Member(s.ctx, s.org, s.aliceP)
		if err == nil || is || !strings.Contains(err.Error(), "add it to the organisation") {
			s.Errorf("got %v, %v", is, err)
		}
	}},
	{"access is checked, and the error says what to do", func(s *scene) {
		if err := s.forge.CheckAccess(s.ctx, s.org); err != nil {
			s.Errorf("the bot: %v", err)
		}
		for what, c := range map[string]struct {
			as   Adapter
			org  string
			says string
		}{
			"a stranger":      {s.as(s.mallory), s.org, "Add it to a team"},
			"a wrong token":   {s.Adapter(strings.Repeat("0123456789", 4)), s.org, "Make a token"},
			"no organisation": {s.forge, "nowhere" + s.Suffix, "has none of this name"},
		} {
			if err := c.as.CheckAccess(s.ctx, c.org); err == nil || !strings.Contains(err.Error(), c.says) {
				s.Errorf("%s: %v, which does not say %q", what, err, c.says)
			}
		}
	}},
	{"the token's owner is known", func(s *scene) {
		if me, err := s.forge.Self(s.ctx); err != nil || me != s.botP {
			s.Errorf("got %+v, %v", me, err)
		}
	}},
	{"a wrong token is not accepted", func(s *scene) {
		_, err := s.Adapter(strings.Repeat("0123456789", 4)).PullRequest(s.ctx, s.repo, s.pull)
		if !errors.Is(err, forge.ErrUnauthorized) || strings.Contains(err.Error(), "0123456789") {
			s.Errorf("got %v", err)
		}
	}},
	{"an empty repository has a default branch and no trees", func(s *scene) {
		empty, err := s.World.AddRepo(s.org, "empty", "")
		s.must(err)
		if name, trees, err := s.forge.DefaultBranch(s.ctx, empty); err != nil || name != "main" || len(trees) != 0 {
			s.Errorf("got %s, %v, %v", name, trees, err)
		}
	}},
	{"eyes can be given twice and are there once", func(s *scene) {
		id := s.say(s.alice, "!testme")
		for range 2 {
			s.must(s.forge.React(s.ctx, s.repo, id, forge.ReactionEyes))
		}
		if got, err := s.World.Reactions(s.repo, id); err != nil || !slices.Equal(got, []string{"eyes"}) {
			s.Errorf("got %v, %v", got, err)
		}
	}},
	{"a comment can be written, found by its marker, and edited", func(s *scene) {
		const marker = "<!-- seatrial run=1 -->"
		if _, found, err := s.forge.FindComment(s.ctx, s.repo, s.pull, marker, s.botP); err != nil || found {
			s.Errorf("found before it was written: %v, %v", found, err)
		}
		s.say(s.mallory, "mine! "+marker)
		id, err := s.forge.CreateComment(s.ctx, s.repo, s.pull, "hello "+marker)
		s.must(err)
		if got, found, err := s.forge.FindComment(s.ctx, s.repo, s.pull, marker, s.botP); err != nil || !found || got != id {
			s.Errorf("found %d %v %v, want %d", got, found, err, id)
		}
		text := "edited " + marker + "\n\n<details><summary>Log</summary>\n\n```\n$(id) `id` \u202e ünï\n```\n</details>\n"
		s.must(s.forge.EditComment(s.ctx, s.repo, id, text))
		comments, err := s.World.Comments(s.repo, s.pull)
		s.must(err)
		if last := comments[len(comments)-1]; last.ID != id || last.Body != text || last.Author != s.botP {
			s.Errorf("it reads %+v", last)
		}
	}},
	{"editing a deleted comment says that it was not found", func(s *scene) {
		id, err := s.forge.CreateComment(s.ctx, s.repo, s.pull, "hello")
		s.must(err)
		s.must(s.World.DeleteComment(s.repo, id, s.bot))
		if err := s.forge.EditComment(s.ctx, s.repo, id, "again"); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("got %v", err)
		}
	}},
	{"editing another's comment without write access is forbidden", func(s *scene) {
		id := s.say(s.alice, "mine")
		if err := s.as(s.mallory).EditComment(s.ctx, s.repo, id, "yours"); !errors.Is(err, forge.ErrForbidden) {
			s.Errorf("got %v", err)
		}
	}},
	{"commenting on nothing fails", func(s *scene) {
		if id, err := s.forge.CreateComment(s.ctx, s.repo, 4711, "hello"); err == nil { // a real Gitea answers 500
			s.Errorf("made comment %d", id)
		}
	}},
	{"the last status of a context counts, within a second too", func(s *scene) {
		if _, ok, err := s.forge.LastStatus(s.ctx, s.repo, s.head, "seatrial"); err != nil || ok {
			s.Errorf("before any: %v, %v", ok, err)
		}
		last := forge.Status{State: forge.StatusFailure, Context: "seatrial", Description: "install failed", TargetURL: "http://127.0.0.1:1/run"}
		for _, st := range []forge.Status{
			{State: forge.StatusPending, Context: "seatrial", Description: "waiting"},
			{State: forge.StatusSuccess, Context: "seatrial", Description: "fine"},
			last,
			{State: forge.StatusSuccess, Context: "another"},
		} {
			s.must(s.forge.SetStatus(s.ctx, s.repo, s.head, st))
		}
		got, ok, err := s.forge.LastStatus(s.ctx, s.repo, s.head, "seatrial")
		if err != nil || !ok || got != last {
			s.Errorf("got %+v, %v, %v, want %+v", got, ok, err, last)
		}
		all, err := s.World.Statuses(s.repo, s.head)
		s.must(err)
		if len(all) != 4 || cmp.Compare(all[0].Context, "another") != 0 {
			s.Errorf("the forge has %+v", all)
		}
	}},
	{"setting a status without write access is forbidden", func(s *scene) {
		err := s.as(s.alice).SetStatus(s.ctx, s.repo, s.head, forge.Status{State: forge.StatusSuccess, Context: "seatrial"})
		if !errors.Is(err, forge.ErrForbidden) {
			s.Errorf("got %v", err)
		}
	}},
	{"the clocks' difference is known to a second or so", func(s *scene) {
		_, err := s.forge.Self(s.ctx)
		s.must(err)
		if d := s.forge.Skew(); d.Abs() > 2*time.Minute {
			s.Errorf("a server on this machine is said to be ahead by %s", d)
		}
	}},
}
