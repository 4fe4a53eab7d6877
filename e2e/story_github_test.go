package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"seatrial/bridge/forge/forgetest"
)

// githubStories are those in which the forge matters most: the rest is the same. (One that is not enrolled is not asked about there, and so gets no answer.)
var githubStories = []string{"run-passes", "head-moved", "stranger", "edited-comment"}

func TestStoriesOnGitHub(t *testing.T) {
	t.Parallel()
	server := forgetest.NewServerOf(t, forgetest.Options{Kind: forgetest.GitHub})
	tell(t, testscript.Params{Files: storyFiles(githubStories...)}, server, func(s *stage) error {
		s.forges = s.onGitHub(server, "token_file: .token")
		return nil
	})
}

// As a GitHub App, whose verdict is a check run.
func TestAStoryOnGitHubAsAnApp(t *testing.T) {
	t.Parallel()
	server := forgetest.NewServerOf(t, forgetest.Options{Kind: forgetest.GitHub})
	tell(t, testscript.Params{Files: storyFiles("run-passes")}, server, func(s *stage) error {
		app, err := server.AddApp("seatrial" + s.suffix)
		if err != nil {
			return err
		}
		if _, err := server.InstallApp(app.ID, s.org); err != nil {
			return err
		}
		s.bot = app.Login
		s.forges = s.onGitHub(server, fmt.Sprintf("apps: [{id: %d, key_file: app.pem}]", app.ID))
		return os.WriteFile(filepath.Join(s.dir, "app.pem"), app.Key, 0o600)
	})
}

// onGitHub is the list of forges with this one. GitHub does not number pushes: one in the
// second of a comment counts as after it, so the pull request must be older.
func (s *stage) onGitHub(server *forgetest.Server, as string) string {
	time.Sleep(1100 * time.Millisecond)
	return fmt.Sprintf("version: 1\nforges:\n  - {id: github, kind: github, url: %q, org: %s, %s}\n", server.URL(), s.org, as)
}

func storyFiles(names ...string) (files []string) {
	for _, name := range names {
		files = append(files, filepath.Join("e2e/testdata/stories", name+".txtar"))
	}
	return files
}
