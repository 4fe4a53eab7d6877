package admission_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// docs/reference/refusals.md has a row for every reason.
func TestThePageNamesEveryReason(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/refusals.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		typ, ok := spec.Type.(*ast.Ident)
		if !ok || typ.Name != "Reason" {
			return true
		}
		found++
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("docs/reference/refusals.md has no row for %s", name)
		}
		return true
	})
	if found < 15 {
		t.Errorf("only %d reasons were found", found)
	}
}
