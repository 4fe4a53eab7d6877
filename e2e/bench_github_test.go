package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
)

// BenchmarkGitHub counts what an idle server with five hundred repositories on GitHub
// uses of the limit that GitHub sets: the forge for tests keeps the account, as GitHub does.
func BenchmarkGitHub(b *testing.B) {
	for b.Loop() {
		idleOnGitHub(b, 500)
	}
}

func idleOnGitHub(b *testing.B, n int) {
	y := newYardOn(b, forgetest.NewServerOf(b, forgetest.Options{Kind: forgetest.GitHub}), n, "")
	s := y.serve(b, "--poll", "2s", "--sweep", "20s")
	looks := func(requests []forgetest.Request) map[string]int {
		asked := map[string]int{}
		for _, r := range requests {
			if r.Route == readComments {
				asked[repoIn(r.Path)]++
			}
		}
		return asked
	}
	// At first everything is new.
	eventually(b, s, 10*time.Minute, "two looks at every repository", func() bool {
		asked := looks(y.forge.Requests())
		return len(asked) == n && least(asked) >= 2
	})
	time.Sleep(2 * time.Second) // the forge keeps whole seconds, and only its latest requests
	from, spent := time.Now(), y.forge.Spent(yardBot)
	later := func() []forgetest.Request {
		return slices.DeleteFunc(y.forge.Requests(), func(r forgetest.Request) bool { return r.At.Before(from) })
	}
	eventually(b, s, 10*time.Minute, "one more look at every repository", func() bool {
		return len(looks(later())) == n
	})
	requests := later()
	figure(b, fmt.Sprintf("GitHub, idle, %d enrolled: used of the limit", n), "requests of the limit", float64(y.forge.Spent(yardBot)-spent), &bound{"=", 0})
	figure(b, "  questions asked meanwhile", "questions", float64(len(requests)), nil)
	figure(b, "  used of the limit before, to read everything once", "requests at first", float64(spent), nil)
}

func least(counts map[string]int) int {
	least := -1
	for _, n := range counts {
		if least < 0 || n < least {
			least = n
		}
	}
	return least
}

// list writes the list of forges with the yard's one.
func (y *yard) list(b *testing.B, tokenFile string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "forges.yaml")
	text := fmt.Appendf(nil, "version: 1\nforges:\n  - {id: %s, kind: %s, url: %q, org: %s, token_file: %q}\n", y.forge.ID(), y.forge.ID(), y.forge.URL(), yardOrg, tokenFile)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
