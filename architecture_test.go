package main_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers reads the table of docs/explanation/architecture.md: package to height.
func layers(t *testing.T) map[string]int {
	t.Helper()
	doc, err := os.ReadFile("docs/explanation/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```\nwiring")
	table, _, ok := strings.Cut("wiring"+rest, "```")
	if !ok {
		t.Fatal("the document has no table")
	}
	rows := strings.Split(strings.TrimSpace(table), "\n")
	height := map[string]int{}
	for i, row := range rows {
		for _, pkg := range strings.Fields(row)[1:] {
			height[pkg] = len(rows) - i
		}
	}
	return height
}

// forTests says that the compiler or a name keeps a package out of the table: one
// below internal belongs to its parent, one that ends in test to the tests. What stands
// in the table all the same is held to it.
func forTests(pkg string) bool {
	parts := strings.Split(pkg, "/")
	return slices.Contains(parts, "internal") || slices.ContainsFunc(parts, func(s string) bool { return strings.HasSuffix(s, "test") })
}

func TestImportsPointDown(t *testing.T) {
	height := layers(t)
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "seatrial"
	name := func(path string) string {
		if path == module {
			return "."
		}
		return strings.TrimPrefix(path, module+"/")
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := name(fields[0])
		h, ok := height[pkg]
		if !ok && forTests(pkg) {
			continue
		}
		if !ok {
			t.Errorf("%s is in no row of docs/explanation/architecture.md", pkg)
			continue
		}
		for _, imported := range fields[1:] {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := name(imported)
			tests := height[to] == 0 && forTests(to)
			if tests && pkg != "." && !strings.HasPrefix(to, pkg+"/internal/") {
				t.Errorf("%s imports %s, which is for tests", pkg, to)
			}
			switch {
			case tests:
			case height[to] > h:
				t.Errorf("%s imports %s, which lies above it", pkg, to)
			case part(to) == "internal":
			case pkg == "harness/journal/sqlite" && to == "bridge/ledger", pkg == "harness/journal/sqlite" && to == "bridge/forge":
			case pkg == "recipes/nomadvars" && to == "harness/cluster":
			case pkg != "." && part(pkg) != part(to) && !allowed[part(pkg)][part(to)]:
				t.Errorf("%s imports %s: %s must not know %s", pkg, to, part(pkg), part(to))
			}
			const words, contracts = 1, 2
			if h == words && height[to] != 0 {
				t.Errorf("%s imports %s, but words import nothing of ours", pkg, to)
			}
			if h == len(rowNames)-1 && height[to] > contracts && height[to] < h {
				t.Errorf("the adapter %s imports %s, which is flow", pkg, to)
			}
		}
	}
}

var rowNames = []string{"words", "contracts", "flow", "adapters", "wiring"}

// allowed says which of the three parts may know which; words and recipes are everybody's.
var allowed = map[string]map[string]bool{
	"bridge":    {"harness": true, "recipes": true, "secrets": true},
	"dashboard": {"harness": true, "recipes": true, "secrets": true},
	"harness":   {"recipes": true, "secrets": true}, // but for the journal's adapter, which keeps the bridge's ledger too
	"recipes":   {},
	"secrets":   {},
}

func part(pkg string) string {
	first, _, _ := strings.Cut(pkg, "/")
	return first
}
