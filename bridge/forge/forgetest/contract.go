package forgetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"seatrial/bridge/forge"
)

// Contract checks what the rest of the program relies on. open returns a fixture; one
// world may serve several tests if it gives each its own suffix. Where a promise can
// be checked without getting in the way of others, they share a pull request, or at least
// a repository.
func Contract(t *testing.T, open func(*testing.T) Fixture) {
	t.Run("reading and writing", func(t *testing.T) {
		shared := newScene(t, open(t))
		for _, c := range slices.Concat(calmContract, calmPeopleContract, calmFeedContract, branchContract) {
			t.Run(c.sentence, func(t *testing.T) {
				own := *shared
				own.T = t
				c.check(&own)
			})
		}
		for _, c := range pushContract {
			t.Run(c.sentence, func(t *testing.T) {
				own := *shared
				own.T = t
				own.pull, own.head = own.open("Another"), own.git("rev-parse", "change")
				defer func() { shared.commits, shared.pulls = own.commits, own.pulls }()
				c.check(&own)
			})
		}
	})
	for _, c := range slices.Concat(feedContract, peopleContract, changeContract) {
		t.Run(c.sentence, func(t *testing.T) { c.check(newScene(t, open(t))) })
	}
	for _, c := range githubContract {
		t.Run(c.sentence, func(t *testing.T) {
			fixture := open(t)
			if fixture.Traits != GitHubTraits { // said before a whole scene is made for it
				t.Skip("this forge has no such way")
			}
			c.check(newScene(t, fixture))
		})
	}
}

type clause struct {
	sentence string
	check    func(s *scene)
}

// feedContract: comments arrive, each at least once. calmFeedContract: also among others.
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
}

var calmFeedContract = []clause{
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
	{"repositories that are not wanted are not read", func(s *scene) {
		scope := forge.Organisation(s.repo.Forge, s.org, []forge.Repo{})
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
		asked := forge.Repo{Forge: s.repo.Forge, Owner: strings.ToUpper(s.repo.Owner), Name: strings.ToUpper(s.repo.Name)}
		scope := forge.Organisation(s.repo.Forge, s.org, []forge.Repo{asked})
		cursor := s.begin(scope)
		if c, _ := s.until(scope, cursor, s.say(s.alice, "hello")); c.Repo != asked {
			s.Errorf("it is said to be in %s, want %s", c.Repo, asked)
		}
	}},
	{"an idle organisation costs one request", func(s *scene) {
		s.only(s.Traits.OrgQuestion, "this forge answers for one repository at a time")
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
