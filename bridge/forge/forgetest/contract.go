package forgetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
)

// Contract checks what the rest of the program relies on. open returns a fixture; one
// world may serve several tests if it gives each its own suffix.
func Contract(t *testing.T, open func(*testing.T) Fixture) {
	for _, c := range slices.Concat(feedContract, pullContract, wordContract) {
		t.Run(c.sentence, func(t *testing.T) { c.check(newScene(t, open)) })
	}
}

type clause struct {
	sentence string
	check    func(s *scene)
}

// feedContract: comments arrive, each at least once.
var feedContract = []clause{
	{"a feed begins with what comes after its beginning", func(s *scene) {
		s.say(s.alice, "before")
		s.Tick()
		for _, scope := range []forge.Scope{s.orgScope(), forge.Repository(s.repo)} {
			cursor := s.begin(scope)
			id := s.say(s.alice, "after, for "+scope.Name())
			c, cursor := s.until(scope, cursor, id)
			want := forge.Comment{Repo: s.repo, Pull: s.pull, ID: id, Author: s.aliceP, Body: "after, for " + scope.Name()}
			if c.Repo != want.Repo || c.Pull != want.Pull || c.Author != want.Author || c.Body != want.Body {
				s.Errorf("got %+v, want %+v", c, want)
			}
			if c.Edited() || c.Created.IsZero() || !strings.HasPrefix(c.URL, s.World.URL()) {
				s.Errorf("a fresh comment: created %v, updated %v, at %q", c.Created, c.Updated, c.URL)
			}
			again, _ := s.next(scope, cursor)
			for _, old := range again {
				if old.Body == "before" {
					s.Errorf("%s returned a comment from before its beginning", scope.Name())
				}
			}
			s.Tick()
		}
	}},
	{"comments come in the order in which they were made, over all pages", func(s *scene) {
		scopes := []forge.Scope{s.orgScope(), forge.Repository(s.repo)}
		cursors := []forge.Cursor{s.begin(scopes[0]), s.begin(scopes[1])}
		var ids []int64
		for i := range 53 {
			ids = append(ids, s.say(s.mallory, fmt.Sprint("comment ", i)))
		}
		for i, scope := range scopes {
			s.until(scope, cursors[i], ids[52])
			comments, _ := s.next(scope, cursors[i])
			var got []int64
			for _, c := range comments {
				got = append(got, c.ID)
			}
			if !slices.Equal(got, ids) {
				s.Errorf("%s returned %d comments %v, want %v", scope.Name(), len(got), got, ids)
			}
		}
	}},
	{"an edit shows, and leaves author and time of creation", func(s *scene) {
		scope := forge.Repository(s.repo)
		cursor := s.begin(scope)
		id := s.say(s.alice, "looks good")
		first, _ := s.until(scope, cursor, id)
		s.Tick()
		s.must(s.World.EditComment(s.repo, id, s.bot, "!testme"))
		c, _ := s.until(scope, cursor, id)
		if !c.Edited() || c.Author != s.aliceP || !c.Created.Equal(first.Created) || c.Body != "!testme" {
			s.Errorf("after another's edit: %+v, first seen as %+v", c, first)
		}
	}},
	{"a reaction is no edit", func(s *scene) {
		scope := forge.Repository(s.repo)
		cursor := s.begin(scope)
		id := s.say(s.alice, "!testme")
		s.Tick()
		s.must(s.forge.React(s.ctx, s.repo, id, forge.ReactionEyes))
		if c, _ := s.until(scope, cursor, id); c.Edited() {
			s.Errorf("it counts as edited: created %v, updated %v", c.Created, c.Updated)
		}
	}},
	{"a comment made at an old cursor's time is not lost", func(s *scene) {
		scope := forge.Repository(s.repo)
		cursor := s.begin(scope)
		first := s.say(s.alice, "one")
		_, cursor = s.until(scope, cursor, first)
		second := s.say(s.alice, "two") // often within the same second
		s.until(scope, cursor, second)
	}},
	{"comments on plain issues are left out", func(s *scene) {
		n, err := s.World.AddIssue(s.repo, s.alice, "a question")
		s.must(err)
		scope := forge.Repository(s.repo)
		cursor := s.begin(scope)
		_, err = s.World.Comment(s.repo, n, s.alice, "!testme")
		s.must(err)
		onPull := s.say(s.alice, "hello")
		s.until(scope, cursor, onPull)
		if comments, _ := s.next(scope, cursor); len(comments) != 1 {
			s.Errorf("got %+v, want the one comment on the pull request", comments)
		}
	}},
	{"repositories that are not wanted are not read", func(s *scene) {
		scope := forge.Organisation(ForgeID, s.org, []forge.Repo{})
		cursor := s.begin(scope)
		s.say(s.alice, "!testme")
		s.Tick()
		before := s.forge.Requests()["comments"]
		comments, _ := s.next(scope, cursor)
		if len(comments) != 0 || s.forge.Requests()["comments"] != before {
			s.Errorf("got %v with %d requests for comments", comments, s.forge.Requests()["comments"]-before)
		}
	}},
	{"names are recognised however they are spelt, and returned as they were asked for", func(s *scene) {
		asked := forge.Repo{Forge: ForgeID, Owner: strings.ToUpper(s.repo.Owner), Name: strings.ToUpper(s.repo.Name)}
		scope := forge.Organisation(ForgeID, s.org, []forge.Repo{asked})
		cursor := s.begin(scope)
		if c, _ := s.until(scope, cursor, s.say(s.alice, "hello")); c.Repo != asked {
			s.Errorf("it is said to be in %s, want %s", c.Repo, asked)
		}
	}},
	{"an idle organisation costs one request", func(s *scene) {
		scope := s.orgScope()
		cursor := s.begin(scope)
		_, cursor = s.until(scope, cursor, s.say(s.alice, "hello"))
		s.Tick()
		s.Tick()
		_, cursor = s.next(scope, cursor) // the second has passed: nothing can be hidden in it any more
		before := s.forge.Requests()
		for range 3 {
			_, cursor = s.next(scope, cursor)
		}
		after := s.forge.Requests()
		if n := after["search"] - before["search"]; n != 3 || after["comments"] != before["comments"] {
			s.Errorf("three idle cycles: %d searches, %d requests for comments", n, after["comments"]-before["comments"])
		}
	}},
}

// pullContract: what is known of pull requests, people and branches.
var pullContract = []clause{
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
	{"a pull request that does not exist is not found", func(s *scene) {
		_, err := s.forge.PullRequest(s.ctx, s.repo, 4711)
		if !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("got %v", err)
		}
	}},
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
	{"who is no member is told nothing about others, which is an error and not a no", func(s *scene) {
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
	{"an empty repository has a default branch and no trees", func(s *scene) {
		empty, err := s.World.AddRepo(s.org, "empty", "")
		s.must(err)
		if name, trees, err := s.forge.DefaultBranch(s.ctx, empty); err != nil || name != "main" || len(trees) != 0 {
			s.Errorf("got %s, %v, %v", name, trees, err)
		}
	}},
}

// wordContract: what we write, arrives.
var wordContract = []clause{
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
