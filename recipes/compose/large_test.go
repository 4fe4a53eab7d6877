//go:build !race

package compose_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/recipes/compose"
)

// Whatever half a megabyte says, an answer comes soon: from the program as users run it, for
// the race detector multiplies what this costs by twenty, and nothing here runs beside it.
func TestLargeFilesAreAnsweredSoon(t *testing.T) {
	const size = 1 << 19
	fill := func(piece string) string { return strings.Repeat(piece, size/len(piece)) }
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const compact = "services: {app: {image: x}}\n"
	for name, files := range map[string]map[string]string{
		"open quotes":       {".env.sample": fill("A=\"\n"), "compose.yml": compact},
		"undefined, in env": {".env.sample": fill("A=$B\n"), "compose.yml": compact},
		"no assignments":    {".env.sample": fill("a\n"), "compose.yml": compact},
		"comments":          {".env.sample": fill("#A=1\n"), "compose.yml": "# x\n" + fill("#\n")},
		"many variables":    {".env.sample": numbered("A%d=1\n", 40_000), "compose.yml": "services: {app: {image: \"x$Q\"}}\n"},
		"many of abra":      {"abra.sh": numbered("export A%d=$(x)\n", 50_000), "compose.yml": compact},
		"commands of abra":  {"abra.sh": fill("a; "), "compose.yml": compact},
		"heredocs of abra":  {"abra.sh": fill("cat <<A\n"), "compose.yml": compact},
		"dashes":            {"compose.yml": fill("- ")},
		"items":             {"compose.yml": fill("- a\n")},
		"flow":              {"compose.yml": "a: [" + fill("a,")},
		"braces":            {"compose.yml": fill("{")},
		"question marks":    {"compose.yml": fill("? ")},
		"anchors":           {"compose.yml": fill("&a ")},
		"colons":            {"compose.yml": fill(": ")},
		"keys":              {"compose.yml": numbered("a%d: b\n", 40_000)},
		"indents":           {"compose.yml": numbered("%[1]*[1]d:\n", 1000)},
		"references":        {"compose.yml": compact + "x-a: " + fill("$A") + "\n"},
		"known references":  {".env.sample": "A=\n", "compose.yml": compact + "x-a: " + fill("$A") + "\n"},
		"escaped dollars":   {"compose.yml": compact + "x-a: " + fill("$$") + "\n"},
		"defaults":          {"compose.yml": compact + "x-a: " + fill("${A:-") + "\n"},
		"equal items":       {"compose.yml": "services: {app: {image: x, cap_add: [" + numbered("C%d,", 9000) + "]}}\n"},
		"services":          {"compose.yml": "services:\n" + numbered("  s%d: {image: x}\n", 2400)},
		"volumes":           {"compose.yml": compact + "volumes:\n" + numbered("  v%d:\n", 4500)},
		"labels":            {"compose.yml": "services: {app: {image: x, deploy: {labels: [backupbot.backup=true," + numbered("com.docker.%d=a,", 9000) + "]}}}\n"},
		"mounts":            {"compose.yml": "services: {app: {image: x, volumes: [" + numbered("/a%d:/b,", 9000) + "]}}\n"},
		"ports":             {"compose.yml": "services: {app: {image: x, ports: [\"1-65535:1-65535\"]}}\n"},
		"more ports":        {"compose.yml": "services: {app: {image: x, ports: [" + strings.Repeat("\"${A:-1}-65535:1-65535\",", 500) + "]}}\n"},
		"long ports":        {"compose.yml": "services: {app: {image: x, ports: [\"1-" + strings.Repeat("0", 1000) + "65535:1-" + strings.Repeat("0", 1000) + "65535\"]}}\n"},
		"a long line":       {"compose.yml": "services: {app: {image: \"" + fill("x") + "\"}}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			began := computed(t)
			r, err := compose.Read(t.Context(), dir, options)
			if err == nil {
				r.Policy(nil)
			}
			took := computed(t) - began
			t.Logf("%s: %s: %.200v", name, took, err)
			var problems compose.Problems
			if err != nil && !errors.As(err, &problems) {
				t.Errorf("the recipe's fault is taken for ours: %v", err)
			}
			if took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
