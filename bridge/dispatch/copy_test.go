package dispatch_test

import (
	"strings"
	"testing"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
	"seatrial/recipes"
)

func TestACopyLiesInAFolderOfItsOwn(t *testing.T) {
	for _, test := range []struct{ forge, repo, want string }{
		{"gitea", "Coop/Secret", "/state/private/gitea/coop/secret.git"},
		{"gitea", "coop/.profile", "/state/private/gitea/coop/.profile.git"},
		{"gitea", "../coop", ""},
		{"gitea", "coop/..", "/state/private/gitea/coop/...git"},
		{"gitea", "coop/a/b", ""},
		{"gitea", "coop", ""},
		{"gitea", "/secret", ""},
		{"", "coop/secret", ""},
		{"..", "coop/secret", ""},
	} {
		got, err := dispatch.CopyFolder("/state/private", run.Code{Forge: test.forge, Repo: test.repo, Private: true})
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s %s: %q, %v", test.forge, test.repo, got, err)
		}
	}
	if got, err := dispatch.CopyFolder("", run.Code{Forge: "gitea", Repo: "coop/open"}); got != "" || err != nil {
		t.Errorf("what everybody can read has a copy: %q, %v", got, err)
	}
	if got, err := dispatch.CopyFolder("", run.Code{Forge: "gitea", Repo: "coop/secret", Private: true}); err == nil {
		t.Errorf("a copy lies nowhere: %q", got)
	}
}

func TestAJobSaysWhereTheCopiesAre(t *testing.T) {
	book := &recipes.Book{Enrolments: []recipes.Enrolment{
		{Name: "blog", Repo: "coop/blog", Target: recipes.TargetSwarm, Deps: []string{"mail"}},
		{Name: "mail", Repo: "coop/mail", Target: recipes.TargetSwarm},
	}}
	e, _ := book.ByName("blog")
	for private, want := range map[bool][]string{
		false: {"", ""},
		true:  {"/state/private/gitea/coop/blog.git", "/state/private/gitea/coop/mail.git"},
	} {
		code := run.Code{Forge: "gitea", Repo: "coop/blog", URL: "https://git.example.org/coop/blog.git", Private: private}
		job, err := dispatch.NewJob(run.Request{Recipe: "blog", Code: code}, 1, run.Lease{}, "i", e).WithDeps(book.ByName).WithCopies("/state/private")
		if err != nil {
			t.Fatal(err)
		}
		if job.Copy != want[0] || len(job.Deps) != 1 || job.Deps[0].Copy != want[1] {
			t.Errorf("private %t: %+v", private, job)
		}
		var repos []string
		for _, c := range dispatch.Copied(code, e, book.ByName) {
			repos = append(repos, c.Forge+":"+c.Repo)
		}
		if got := strings.Join(repos, " "); got != map[bool]string{true: "gitea:coop/blog gitea:coop/mail"}[private] {
			t.Errorf("private %t: %s are copied", private, got)
		}
	}
}
