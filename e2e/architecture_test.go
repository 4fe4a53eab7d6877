package e2e_test

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
	_, rest, _ := strings.Cut(string(doc), "```\ndoor")
	table, _, ok := strings.Cut("door"+rest, "```")
	if !ok {
		t.Fatal("the document has no table")
	}
	height, h := map[string]int{}, len(rowNames)
	for row := range strings.Lines(table) {
		names := strings.Fields(row)
		if !strings.HasPrefix(row, " ") { // else it goes on with the row above
			h--
			if h < 0 || names[0] != rowNames[h] {
				t.Fatalf("the table has no row %q in this place: it has %v, from below", names[0], rowNames)
			}
			names = names[1:]
		}
		for _, pkg := range names {
			height[pkg] = h
		}
	}
	return height
}

// forTests says that the compiler or a name keeps a package out of the table: one
// below another's internal belongs to its parent, one that ends in test to the tests.
func forTests(pkg string) bool {
	parts := strings.Split(pkg, "/")
	return slices.Contains(parts[1:], "internal") || pkg == "e2e" || pkg == "internal/must" || slices.ContainsFunc(parts, func(s string) bool { return strings.HasSuffix(s, "test") })
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
	there := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := name(fields[0])
		there[pkg] = true
		if forTests(pkg) {
			continue
		}
		h, ok := height[pkg]
		if !ok {
			t.Errorf("%s is in no row of docs/explanation/architecture.md", pkg)
			continue
		}
		for _, imported := range fields[1:] {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := name(imported)
			if forTests(to) && part(pkg) != "internal" && !strings.HasPrefix(to, pkg+"/internal/") {
				t.Errorf("%s imports %s, which is for tests", pkg, to)
			}
			switch from, onto := rowNames[h], rowNames[height[to]]; {
			case forTests(to):
			case height[to] > h:
				t.Errorf("%s imports %s, which lies above it", pkg, to)
			case pkg == "recipes/nomadvars" && to == "harness/cluster":
			case part(pkg) != part(to) && !everybodys[part(to)] && !allowed[part(pkg)][part(to)]:
				t.Errorf("%s imports %s: %s must not know %s", pkg, to, part(pkg), part(to))
			case from == "words" && !everybodys[part(to)]:
				t.Errorf("%s imports %s, but words import nothing of ours", pkg, to)
			case from == "adapters" && onto == "flow":
				t.Errorf("the adapter %s imports %s, which is flow", pkg, to)
			}
		}
	}
	for pkg := range height {
		if !there[pkg] {
			t.Errorf("docs/explanation/architecture.md names %s, which is not there", pkg)
		}
	}
}

// rowNames are the rows of the table, from below.
var rowNames = []string{"words", "contracts", "flow", "adapters", "wiring", "door"}

// everybodys are the parts that all others may know, as far as the rows let them.
var everybodys = map[string]bool{"secrets": true, "internal": true}

// allowed says which part may know which others.
var allowed = map[string]map[string]bool{
	".":         {},
	"internal":  {"bridge": true, "harness": true, "dashboard": true, "recipes": true, "store": true},
	"store":     {"bridge": true, "harness": true},
	"bridge":    {"harness": true, "recipes": true},
	"dashboard": {"harness": true, "recipes": true},
	"harness":   {"recipes": true},
	"recipes":   {},
}

func part(pkg string) string {
	first, _, _ := strings.Cut(pkg, "/")
	return first
}
