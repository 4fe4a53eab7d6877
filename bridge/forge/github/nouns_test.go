package github

import (
	"errors"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

func TestTeamsAreKnownOrAnError(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	noError(t, l.server.AddTeam("coop", "crew", "alice"))
	alice, bot := forge.Person{Login: "alice"}, forge.Person{Login: "bot"}
	for p, want := range map[forge.Person]bool{alice: true, bot: false, {Login: "nobody"}: false, {}: false} {
		if is, err := l.forge.TeamMember(t.Context(), "coop", "crew", p); err != nil || is != want {
			t.Errorf("%q: %v, %v", p.Login, is, err)
		}
	}
	if is, err := l.forge.TeamMember(t.Context(), "coop", "captains", alice); is || !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("no such team: %v, %v", is, err)
	}
	l.server.Fail(forgetest.Failure{Kind: forgetest.Withheld, Path: "/teams/"})
	if is, err := l.forge.TeamMember(t.Context(), "coop", "crew", alice); is || !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("not told: %v, %v", is, err)
	}
}

func TestIssuesAreOpenedFoundAndEdited(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	me, err := l.forge.Self(t.Context())
	noError(t, err)
	const marker = "<!-- nightly -->"
	if _, found, err := l.forge.FindIssue(t.Context(), l.repo, marker, me); err != nil || found {
		t.Errorf("before: %v, %v", found, err)
	}
	_, err = l.server.AddIssue(l.repo, "alice", "mine "+marker)
	noError(t, err)
	first, err := l.forge.CreateIssue(t.Context(), l.repo, "It fails", "since yesterday "+marker)
	noError(t, err)
	noError(t, l.forge.EditIssue(t.Context(), l.repo, first, "It works again", "today "+marker, false))
	got, found, err := l.forge.FindIssue(t.Context(), l.repo, marker, me)
	if err != nil || !found || got.Number != first || got.Open || got.Title != "It works again" || got.Body != "today "+marker || got.Repo != l.repo {
		t.Errorf("found %+v, %v, %v", got, found, err)
	}
	l.later(2 * time.Second)
	second, err := l.forge.CreateIssue(t.Context(), l.repo, "It fails", marker)
	noError(t, err)
	if got, _, err := l.forge.FindIssue(t.Context(), l.repo, marker, me); err != nil || got.Number != second || !got.Open {
		t.Errorf("found %+v, %v, want the newest, %d", got, err, second)
	}
}

func TestBranchesAreDescribed(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	l.install("coop")
	_, err := forgetest.Git(l.dir, "branch", "feature/a b#c?", "HEAD")
	if err == nil {
		t.Fatal("git took a branch with a blank")
	}
	_, err = forgetest.Git(l.dir, "branch", "feature/a#c", "HEAD")
	noError(t, err)
	noError(t, l.server.PushBranch(l.repo, "feature/a#c", l.dir, "feature/a#c"))
	noError(t, l.server.SetPrivate(l.repo, true))
	for name, want := range map[string]string{"": "main", "main": "main", "feature/a#c": "feature/a#c"} {
		b, err := l.forge.Branch(t.Context(), l.repo, name)
		if err != nil || b.Name != want || b.Head != l.head || b.Repo != l.repo || !b.Private || !strings.HasSuffix(b.CloneURL, "/coop/boat.git") {
			t.Errorf("%q: %+v, %v", name, b, err)
		}
	}
	if _, err := l.forge.Branch(t.Context(), l.repo, "none"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("no such branch: %v", err)
	}
	empty := l.server.AddEmptyRepos("coop", "void", 1)[0]
	if b, err := l.forge.Branch(t.Context(), empty, ""); err != nil || b.Name != "main" || b.Head != "" {
		t.Errorf("an empty repository: %+v, %v", b, err)
	}
}

func TestDraftLockedPrivateAndTheForkShow(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	pr, err := l.forge.PullRequest(t.Context(), l.repo, l.pull)
	if err != nil || pr.Draft || pr.Locked || pr.Private || pr.HeadRepo != "alice/app0" {
		t.Errorf("%+v, %v", pr, err)
	}
	noError(t, l.server.SetDraft(l.repo, l.pull, true))
	noError(t, l.server.SetLocked(l.repo, l.pull, true))
	noError(t, l.server.SetPrivate(l.repo, true))
	noError(t, l.server.DeleteFork(l.repo, l.pull))
	if pr, err = l.forge.PullRequest(t.Context(), l.repo, l.pull); err != nil || !pr.Draft || !pr.Locked || !pr.Private || pr.HeadRepo != "" {
		t.Errorf("%+v, %v", pr, err)
	}
}

func TestARenamedRepositoryIsSaidToBeElsewhere(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := l.server.RenameRepo(l.repo, "coop", "boat")
	noError(t, err)
	_, question := l.forge.PullRequest(t.Context(), l.repo, l.pull)
	_, change := l.forge.CreateComment(t.Context(), l.repo, l.pull, "hello")
	for _, err := range []error{question, change} {
		if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "it was renamed or moved, so use its new name") {
			t.Errorf("got %v", err)
		}
	}
}

func TestPushesWhereTheForkDoesNotTell(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	l.install("coop")
	git := func(args ...string) string {
		t.Helper()
		out, err := forgetest.Git(l.dir, args...)
		noError(t, err)
		return out
	}
	git("checkout", "--quiet", "-b", "change")
	git("commit", "--quiet", "--allow-empty", "-m", "one")
	one := git("rev-parse", "HEAD")
	n, err := l.server.OpenPull(forgetest.NewPull{Repo: l.repo, Author: "alice", Title: "a change", Dir: l.dir, Ref: "change"})
	noError(t, err)
	l.server.Fail(forgetest.Failure{Kind: forgetest.Withheld, Path: "/activity"})
	pushes, err := l.forge.Pushes(t.Context(), l.repo, n, time.Time{})
	if err != nil || len(pushes) != 1 || pushes[0].After != one || pushes[0].At.IsZero() {
		t.Errorf("by the commit's own time: %+v, %v", pushes, err)
	}
	l.later(5 * time.Second)
	git("commit", "--quiet", "--amend", "--allow-empty", "-m", "another", "--date=2001-01-01T00:00:00Z")
	_, err = l.server.Push(l.repo, n, l.dir, "change")
	noError(t, err)
	another := git("rev-parse", "HEAD")
	pushes, err = l.forge.Pushes(t.Context(), l.repo, n, time.Time{})
	if err != nil || len(pushes) != 1 || pushes[0].After != another || pushes[0].At.Before(l.now().Add(-time.Minute)) {
		t.Errorf("by the forced push: %+v, %v", pushes, err)
	}
	l.server.Mend()
	l.server.Fail(forgetest.Failure{Kind: forgetest.Secondary, Path: "/activity", Delay: time.Hour})
	if pushes, err := l.forge.Pushes(t.Context(), l.repo, n, time.Time{}); !errors.Is(err, forge.ErrLimited) {
		t.Errorf("when it cannot be asked: %+v, %v", pushes, err)
	}
}
