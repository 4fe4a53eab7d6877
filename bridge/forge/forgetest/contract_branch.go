package forgetest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"seatrial/bridge/forge"
)

// branchAdapter is what an adapter offers about branches and issues.
type branchAdapter interface {
	Branch(ctx context.Context, repo forge.Repo, name string) (forge.Branch, error)
	CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (int, error)
	EditIssue(ctx context.Context, repo forge.Repo, number int, title, body string, open bool) error
	FindIssue(ctx context.Context, repo forge.Repo, marker string, author forge.Person) (forge.Issue, bool, error)
}

// branchContract: branches are known, and an issue of ours is found again.
var branchContract = []clause{
	{"a branch is described as it is, and without a name the default one", func(s *scene) {
		want := s.git("rev-parse", "main")
		for _, name := range []string{"", "main"} {
			b, err := s.forge.Branch(s.ctx, s.repo, name)
			s.must(err)
			if b.Repo != s.repo || b.Name != "main" || b.Head != want || b.Private ||
				!strings.HasPrefix(b.CloneURL, s.World.URL()) || !strings.HasPrefix(b.URL, s.World.URL()) {
				s.Errorf("asked for %q: %+v, want main at %s", name, b, want)
			}
		}
		s.must(s.World.PushBranch(s.repo, "release/1.x", s.dir, "change"))
		if b, err := s.forge.Branch(s.ctx, s.repo, "release/1.x"); err != nil || b.Name != "release/1.x" || b.Head != s.git("rev-parse", "change") {
			s.Errorf("a name with a slash: %+v, %v", b, err)
		}
	}},
	{"a branch that does not exist is not found", func(s *scene) {
		for _, name := range []string{"nowhere", "a..b", "main/more", "../../../user", "v1.0.0"} {
			if b, err := s.forge.Branch(s.ctx, s.repo, name); !errors.Is(err, forge.ErrNotFound) {
				s.Errorf("%q: %+v, %v", name, b, err)
			}
		}
		gone := forge.Repo{Forge: s.repo.Forge, Owner: s.org, Name: "gone"}
		if _, err := s.forge.Branch(s.ctx, gone, ""); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("of no repository: %v", err)
		}
	}},
	{"the default branch of an empty repository has no head", func(s *scene) {
		hollow, err := s.World.AddRepo(s.org, "hollow", "")
		s.must(err)
		if b, err := s.forge.Branch(s.ctx, hollow, ""); err != nil || b.Name == "" || b.Head != "" {
			s.Errorf("got %+v, %v", b, err)
		}
	}},
	{"an issue is opened, found, edited, closed and opened again", func(s *scene) {
		const marker = "<!-- ours -->"
		if i, found, err := s.forge.FindIssue(s.ctx, s.repo, marker, s.botP); err != nil || found {
			s.Fatalf("before: %+v, %v, %v", i, found, err)
		}
		n, err := s.forge.CreateIssue(s.ctx, s.repo, "It fails", "since today\n\n"+marker)
		s.must(err)
		for _, want := range []forge.Issue{
			{Title: "It fails", Body: "since today\n\n" + marker, Open: true},
			{Title: "It passes", Body: "again\n\n" + marker, Open: false},
			{Title: "It fails", Body: "once more\n\n" + marker, Open: true},
		} {
			s.must(s.forge.EditIssue(s.ctx, s.repo, n, want.Title, want.Body, want.Open))
			got, found, err := s.forge.FindIssue(s.ctx, s.repo, marker, s.botP)
			s.must(err)
			if !found || got.Number != n || got.Repo != s.repo || got.Title != want.Title || got.Body != want.Body || got.Open != want.Open || !strings.HasPrefix(got.URL, s.World.URL()) {
				s.Errorf("got %v, %+v; want number %d and %+v", found, got, n, want)
			}
		}
	}},
	{"the newest of several issues is found, behind many others", func(s *scene) {
		const marker = "<!-- many -->"
		_, err := s.forge.CreateIssue(s.ctx, s.repo, "old", marker)
		s.must(err)
		newest, err := s.forge.CreateIssue(s.ctx, s.repo, "new", marker)
		s.must(err)
		for i := range 51 {
			_, err := s.forge.CreateIssue(s.ctx, s.repo, fmt.Sprint("other ", i), "nothing")
			s.must(err)
		}
		if got, found, err := s.forge.FindIssue(s.ctx, s.repo, marker, s.botP); err != nil || !found || got.Number != newest {
			s.Errorf("got %+v, %v, %v; want number %d", got, found, err, newest)
		}
	}},
	{"another's issue, and a pull request, are not taken for ours", func(s *scene) {
		const marker = "<!-- theirs -->"
		_, err := s.as(s.alice).CreateIssue(s.ctx, s.repo, "a copy", marker)
		s.must(err)
		if got, found, err := s.forge.FindIssue(s.ctx, s.repo, marker, s.botP); err != nil || found {
			s.Errorf("got %+v, %v, %v", got, found, err)
		}
	}},
	{"an issue that does not exist is not found", func(s *scene) {
		if err := s.forge.EditIssue(s.ctx, s.repo, 4711, "title", "body", true); !errors.Is(err, forge.ErrNotFound) {
			s.Errorf("got %v", err)
		}
	}},
}
