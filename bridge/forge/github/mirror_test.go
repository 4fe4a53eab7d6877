package github

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
)

func TestAPrivateRepositoryIsCopied(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	id := l.install("coop")
	noError(t, l.server.SetPrivate(l.repo, true))
	stranger, err := l.server.AddUser("mallory")
	noError(t, err)
	mallory, err := l.server.Token(stranger.Login)
	noError(t, err)
	for who, f := range map[string]*Forge{"an App": l.forge, "a token": l.with(Config{Token: func() string { return l.token }})} {
		dir := filepath.Join(t.TempDir(), "copy.git")
		noError(t, f.Mirror(t.Context(), l.repo, dir))
		if head, err := forgetest.Git(dir, "rev-parse", "refs/heads/main"); err != nil || head != l.head {
			t.Errorf("%s copied %s, %v, want %s", who, head, err, l.head)
		}
		if f.Requests()["git"] != 1 {
			t.Errorf("%s: counted %v", who, f.Requests())
		}
	}
	l.later(61 * time.Minute) // the installation's token is over
	noError(t, l.forge.Mirror(t.Context(), l.repo, filepath.Join(t.TempDir(), "copy.git")))

	err = l.with(Config{Token: func() string { return mallory }}).Mirror(t.Context(), l.repo, filepath.Join(t.TempDir(), "copy.git"))
	if err == nil || strings.Contains(err.Error(), mallory) || !strings.Contains(err.Error(), "coop/boat") {
		t.Errorf("a stranger: %v", err)
	}
	noError(t, l.server.Permit(id, "contents", ""))
	if err := l.forge.Mirror(t.Context(), l.repo, filepath.Join(t.TempDir(), "copy.git")); err == nil {
		t.Error("an App that may not read contents copied them")
	}
}
