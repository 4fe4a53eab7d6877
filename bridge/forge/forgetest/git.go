package forgetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gitLimit bounds one git command.
const gitLimit = time.Minute

// gitEnv keeps the machine's and the user's git settings out.
func gitEnv(extra ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0",
		"LC_ALL=C",
		"GIT_AUTHOR_NAME=forge", "GIT_AUTHOR_EMAIL=forge@localhost",
		"GIT_COMMITTER_NAME=forge", "GIT_COMMITTER_EMAIL=forge@localhost",
	}
	return append(env, extra...)
}

// Git runs git in a folder and returns what it printed, without the last line break.
func Git(dir string, args ...string) (string, error) { return GitWith(dir, nil, args...) }

// GitWith is Git with more environment variables.
func GitWith(dir string, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), gitLimit)
	defer cancel()
	// The repositories of the tests belong to whoever runs them, but not always to the user that git asks about.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"}, args...)...)
	cmd.Dir = dir
	cmd.Env = gitEnv(env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// revisions lists commits oldest first.
func revisions(dir string, args ...string) ([]string, error) {
	out, err := Git(dir, append([]string{"rev-list", "--reverse"}, args...)...)
	return strings.Fields(out), err
}

// isAncestor says whether the old commit is part of the new one's history.
func isAncestor(dir, old, new string) bool {
	_, err := Git(dir, "merge-base", "--is-ancestor", old, new)
	return err == nil
}

func commitOf(dir, ref string) (string, error) { return Git(dir, toCommit(ref)...) }

func toCommit(ref string) []string {
	return []string{"rev-parse", "--verify", "--end-of-options", cmp.Or(ref, "HEAD") + "^{commit}"}
}
