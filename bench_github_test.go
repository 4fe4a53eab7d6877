package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	looks := func(requests []forgetest.Request) (asked map[string]int, changed int) {
		asked = map[string]int{}
		for _, r := range requests {
			if r.Route == readComments {
				asked[repoIn(r.Path)]++
			}
			if r.Status != http.StatusNotModified {
				changed++
			}
		}
		return asked, changed
	}
	// At first everything is new.
	eventually(b, s, 10*time.Minute, "two looks at every repository", func() bool {
		asked, _ := looks(y.forge.Requests())
		return len(asked) == n && least(asked) >= 2
	})
	before, spent := len(y.forge.Requests()), y.forge.Spent(yardBot)
	eventually(b, s, 10*time.Minute, "two more looks at every repository", func() bool {
		asked, _ := looks(y.forge.Requests()[before:])
		return len(asked) == n && least(asked) >= 2
	})
	requests := y.forge.Requests()[before:]
	_, changed := looks(requests)
	figure(b, fmt.Sprintf("GitHub, idle, %d enrolled: used of the limit", n), "requests of the limit", float64(y.forge.Spent(yardBot)-spent), &bound{"=", 0})
	figure(b, "  answers other than “not modified”", "answers", float64(changed), &bound{"=", 0})
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
