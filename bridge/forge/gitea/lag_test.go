package gitea_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
)

// The forge shows a push on the pull request before it notes it in the timeline. Who
// decides about a head's age must see that from what the adapter returns.
func TestAHeadWhosePushIsNotNotedYetCanBeTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		out, err := forgetest.Git(dir, args...)
		must(t, err)
		return out
	}
	commit := func(text string) string {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, "file"), []byte(text), 0o644))
		git("add", "-A")
		git("commit", "-q", "-m", text)
		return git("rev-parse", "HEAD")
	}
	git("init", "-q", "--initial-branch=main")
	commit("first")
	repo, err := l.server.AddRepo("coop", "app", dir)
	must(t, err)
	git("checkout", "-q", "-b", "change")
	agreed := commit("harmless")
	n, err := l.server.OpenPull(forgetest.NewPull{Repo: repo, Author: "alice", Title: "a change", Dir: dir})
	must(t, err)
	_, err = l.server.Comment(repo, n, "alice", "!testme")
	must(t, err)

	must(t, l.server.Lag(true))
	hostile := commit("hostile")
	_, err = l.server.Push(repo, n, dir, "change")
	must(t, err)
	look := func() (head, noted string) {
		t.Helper()
		pr, err := l.forge.PullRequest(t.Context(), repo, n)
		must(t, err)
		pushes, err := l.forge.Pushes(t.Context(), repo, n, time.Time{})
		must(t, err)
		return pr.Head, pushes[len(pushes)-1].After
	}
	if head, noted := look(); head != hostile || noted != agreed {
		t.Errorf("while it lags: head %s, noted %s, want %s and %s", head, noted, hostile, agreed)
	}
	must(t, l.server.Lag(false))
	if head, noted := look(); head != hostile || noted != hostile {
		t.Errorf("afterwards: head %s, noted %s, want %s twice", head, noted, hostile)
	}
}
