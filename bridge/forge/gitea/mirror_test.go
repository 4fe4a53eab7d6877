package gitea_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/gitea"
)

// hiding is a world whose repositories can be private.
type hiding interface {
	forgetest.World
	SetPrivate(r forge.Repo, private bool) error
}

func TestAPrivateRepositoryOfTheFakeIsCopied(t *testing.T) {
	t.Parallel()
	copyPrivate(t, forgetest.NewServer(t))
}

func copyPrivate(t *testing.T, world hiding) {
	ctx, must := t.Context(), func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	source := t.TempDir()
	git := func(dir string, args ...string) string {
		t.Helper()
		out, err := forgetest.Git(dir, args...)
		must(err)
		return out
	}
	git(source, "init", "--quiet", "--initial-branch=main")
	git(source, "commit", "--quiet", "--allow-empty", "--message=one")
	git(source, "tag", "1.0.0")
	git(source, "branch", "old")
	for _, login := range []string{"bot", "alice", "mallory"} {
		_, err := world.AddUser(login)
		must(err)
	}
	must(world.AddOrg("coop"))
	must(world.AddMember("coop", "bot", forgetest.Write))
	must(world.AddMember("coop", "alice", forgetest.Read))
	repo, err := world.AddRepo("coop", "secret", source)
	must(err)
	git(source, "checkout", "--quiet", "-b", "change")
	git(source, "commit", "--quiet", "--allow-empty", "--message=two")
	n, err := world.OpenPull(forgetest.NewPull{Repo: repo, Author: "alice", Title: "Two", Dir: source})
	must(err)
	must(world.SetPrivate(repo, true))
	as := func(login string) (*gitea.Forge, string) {
		t.Helper()
		token := ""
		if login != "" {
			token, err = world.Token(login)
			must(err)
		}
		f, err := gitea.New(gitea.Config{ID: forgetest.ForgeID, URL: world.URL(), Token: func() string { return token }})
		must(err)
		return f, token
	}

	bot, token := as("bot")
	pull, err := bot.PullRequest(ctx, repo, n)
	must(err)
	if !pull.Private {
		t.Errorf("got %+v", pull)
	}
	dir := filepath.Join(t.TempDir(), "gitea", "coop", "secret.git")
	must(bot.Mirror(ctx, repo, dir, pull.HeadRef))
	if got := git(dir, "for-each-ref", "--format=%(refname)"); got != "refs/heads/main\nrefs/heads/old\n"+pull.HeadRef+"\nrefs/tags/1.0.0" {
		t.Errorf("it holds %q", got)
	}
	if got := git(dir, "symbolic-ref", "HEAD"); got != "refs/heads/main" {
		t.Errorf("its default branch is %s", got)
	}
	if got := git(dir, "rev-parse", pull.HeadRef); got != pull.Head {
		t.Errorf("the head is %s, want %s", got, pull.Head)
	}

	t.Run("again, by many at once", func(t *testing.T) {
		git(source, "commit", "--quiet", "--allow-empty", "--amend", "--message=three")
		head, err := world.Push(repo, n, source, "HEAD")
		must(err)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := bot.Mirror(ctx, repo, dir, pull.HeadRef); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := git(dir, "rev-parse", pull.HeadRef); got != head {
			t.Errorf("the head is %s, want %s", got, head)
		}
	})
	for _, login := range []string{"", "mallory"} {
		t.Run(fmt.Sprintf("not as %q", login), func(t *testing.T) {
			stranger, _ := as(login)
			err := stranger.Mirror(ctx, repo, filepath.Join(t.TempDir(), "it.git"), pull.HeadRef)
			if err == nil || !strings.HasPrefix(err.Error(), "cannot copy the repository coop/secret: ") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("the token is kept nowhere", func(t *testing.T) {
		must(filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if strings.Contains(string(text), token) {
				t.Errorf("it is in %s", path)
			}
			return err
		}))
	})
	t.Run("who gives up waits no longer", func(t *testing.T) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := bot.Mirror(gone, repo, dir); err == nil {
			t.Error("it was copied all the same")
		}
	})
	if got := bot.Requests()["git"]; got < 6 {
		t.Errorf("%d fetches were counted", got)
	}
}
