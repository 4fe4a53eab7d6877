package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/bridge/forge/forgetest"
)

// TestANewTokenIsUsedWithoutARestart has a bridge whose token is replaced, as an operator
// who rotates tokens does: what counts is the new one on the wire.
func TestANewTokenIsUsedWithoutARestart(t *testing.T) {
	t.Parallel()
	server := forgetest.NewServer(t)
	s, err := newStage(server, t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	s.forges = fmt.Sprintf("version: 1\nforges:\n  - {id: gitea, kind: gitea, url: %q, org: %s, token_file: .token}\n", server.URL(), s.org)
	check(s.serve())
	t.Cleanup(s.bridge.stop)
	replies := func(n int) {
		t.Helper()
		_, err := server.Comment(s.repo, s.pull, s.name("mallory"), "!testme")
		check(err)
		check(s.eventually("a refusal", false, func() (bool, error) {
			said, err := s.replies()
			return len(said) == n, err
		}))
	}
	replies(1)
	fresh, err := server.Token(s.bot)
	check(err)
	server.RevokeToken(s.token)
	file := filepath.Join(s.dir, ".token")
	check(os.WriteFile(file, []byte("two words\n"), 0o600)) // a slip of the hand first
	check(s.eventually("the slip to be told", false, func() (bool, error) {
		return strings.Contains(s.lastWords(), "cannot be used; the old one stays"), nil
	}))
	check(os.WriteFile(file, []byte(fresh+"\n"), 0o600))
	replies(2)
	if log := s.bridge.out.String(); strings.Contains(log, fresh) || strings.Contains(log, s.token) {
		t.Error("a token is in the log")
	}
}
