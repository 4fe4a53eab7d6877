package forgetest

import (
	"fmt"
	"slices"
	"time"

	"seatrial/bridge/forge"
)

// changeContract: what others change, shows. pushContract: on one pull request, among others.
var changeContract = []clause{
	{"a pull request without a fork keeps its head", func(s *scene) {
		s.must(s.World.DeleteFork(s.repo, s.pull))
		pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		if pr.Head != s.head || pr.Open || pr.HeadRef != fmt.Sprintf("refs/pull/%d/head", s.pull) {
			s.Errorf("got %+v", pr)
		}
	}},
	{"closed and merged are told apart", func(s *scene) {
		other := s.open("Another")
		s.must(s.World.ClosePull(s.repo, s.pull))
		pr, err := s.forge.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		if pr.Open || pr.Merged {
			s.Errorf("closed: %+v", pr)
		}
		s.must(s.World.Merge(s.repo, other))
		pr, err = s.forge.PullRequest(s.ctx, s.repo, other)
		s.must(err)
		if pr.Open || !pr.Merged {
			s.Errorf("merged: %+v", pr)
		}
	}},
	{"members are known, whether they say so or not, and strangers too", func(s *scene) {
		for p, want := range map[forge.Person]bool{s.aliceP: true, s.botP: true, s.malP: false, {ID: 99999, Login: "nobody" + s.Suffix}: false} {
			is, err := s.forge.Member(s.ctx, s.org, p)
			if err != nil || is != want {
				s.Errorf("%s: member %v (%v), want %v", p.Login, is, err, want)
			}
		}
		s.must(s.World.RemoveMember(s.org, s.alice))
		if is, err := s.forge.Member(s.ctx, s.org, s.aliceP); err != nil || is {
			s.Errorf("after leaving: member %v (%v)", is, err)
		}
	}},
	{"the default branch is known with its trees, newest first", func(s *scene) {
		s.must(s.World.Merge(s.repo, s.pull))
		name, trees, err := s.forge.DefaultBranch(s.ctx, s.repo)
		s.must(err)
		fetches := s.forge.Requests()["git"]
		if _, again, err := s.forge.DefaultBranch(s.ctx, s.repo); err != nil || !slices.Equal(again, trees) || s.forge.Requests()["git"] != fetches {
			s.Errorf("asked again while nothing moved: %v, %v, %d fetches", again, err, s.forge.Requests()["git"]-fetches)
		}
		if name != "main" || len(trees) < 3 {
			s.Fatalf("got %s with %+v", name, trees)
		}
		if want := s.git("rev-parse", s.head+"^{tree}"); trees[0].Tree != want {
			s.Errorf("the newest tree is %s, want the merged one, %s", trees[0].Tree, want)
		}
		i := slices.IndexFunc(trees, func(tree forge.Tree) bool { return tree.Commit == s.main })
		if i < 1 || trees[i].Tree != s.git("rev-parse", s.main+"^{tree}") || trees[i].At.IsZero() {
			s.Errorf("the first commit, %s, is not among %+v", s.main, trees)
		}
	}},
}

var pushContract = []clause{
	{"the last push leads to the head", func(s *scene) {
		pushes, err := s.forge.Pushes(s.ctx, s.repo, s.pull, time.Time{})
		s.must(err)
		if len(pushes) != 1 || pushes[0].After != s.head {
			s.Errorf("at first: %+v, want one that leads to %s", pushes, s.head)
		}
		next := s.commit("README", "more")
		s.push("change")
		pushes, err = s.forge.Pushes(s.ctx, s.repo, s.pull, time.Time{})
		s.must(err)
		if len(pushes) != 2 || pushes[1].After != next {
			s.Errorf("after a push: %+v, want a second one that leads to %s", pushes, next)
		}
	}},
	{"a push is numbered and dated like the comments around it", func(s *scene) {
		s.only(s.Traits.NumberedPushes, "this forge gives pushes no number of the same sequence")
		before := s.say(s.alice, "before")
		next := s.commit("README", "more")
		s.push("change")
		after := s.say(s.alice, "after")
		comments, err := s.World.Comments(s.repo, s.pull)
		s.must(err)
		pushes, err := s.forge.Pushes(s.ctx, s.repo, s.pull, comments[0].Created)
		s.must(err)
		last := pushes[len(pushes)-1]
		if last.ID <= before || last.ID >= after || last.After != next || last.At.Before(comments[0].Created) || last.At.After(comments[1].Created) {
			s.Errorf("the push %+v is not between the comments %d and %d", last, before, after)
		}
	}},
	{"earlier pushes are left out but for the last", func(s *scene) {
		for range 2 {
			s.Tick()
			s.commit("README", "more")
			s.push("change")
		}
		s.Tick()
		id := s.say(s.alice, "now")
		comments, err := s.World.Comments(s.repo, s.pull)
		s.must(err)
		pushes, err := s.forge.Pushes(s.ctx, s.repo, s.pull, comments[0].Created)
		s.must(err)
		if len(pushes) != 1 || pushes[0].After != s.git("rev-parse", "change") || pushes[0].ID >= id {
			s.Errorf("got %+v, want the last push before the comment", pushes)
		}
	}},
	{"a forced push names both heads", func(s *scene) {
		s.git("checkout", "--quiet", "-B", "change", "main")
		forced := s.commit("README", "something else")
		s.push("change")
		pushes, err := s.forge.Pushes(s.ctx, s.repo, s.pull, time.Time{})
		s.must(err)
		last := pushes[len(pushes)-1]
		if last.Before != s.head || last.After != forced {
			s.Errorf("got %+v, want %s to %s", last, s.head, forced)
		}
	}},
}
