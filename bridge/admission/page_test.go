package admission_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/admission"
)

var update = flag.Bool("update", false, "rewrite what the page of refusals says is said")

const refusalsPage = "../../docs/reference/refusals.md"

// docs/reference/refusals.md has a row for every reason.
func TestThePageNamesEveryReason(t *testing.T) {
	page, err := os.ReadFile(refusalsPage)
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

// examples are the answers that the page shows, in its order.
var examples = []admission.Refusal{
	{Reason: admission.NotEnrolled},
	{Reason: admission.PullRequestGone},
	{Reason: admission.Closed},
	{Reason: admission.Closed, Details: []string{"merged"}},
	{Reason: admission.NotPermitted},
	{Reason: admission.BranchLeftOut, Details: []string{"release/1"}},
	{Reason: admission.Draft},
	{Reason: admission.Fork},
	{Reason: admission.NotAMember},
	{Reason: admission.NotNamed},
	{Reason: admission.NotNamed, Details: []string{"packagers", "owners"}},
	{Reason: admission.ApprovalNeeded, Details: []string{"grace", "#7", "team/owners"}},
	{Reason: admission.NoSuchTeam, Details: []string{"crew"}},
	admission.NotKnownYet,
	{Reason: admission.MembershipUnknown},
	{Reason: admission.NotTheHead, Details: []string{oldHead, newHead}},
	{Reason: admission.HeadMoved, Details: []string{oldHead, newHead}},
	{Reason: admission.HeadMoved, Details: []string{"-", newHead}},
	{Reason: admission.BranchGone},
	{Reason: admission.BranchEmpty},
	{Reason: admission.CannotIsolate},
	{Reason: admission.NeedsUnmet, Details: []string{"kvm", "gpu"}},
	{Reason: admission.CannotDispatch, Details: strings.Fields("This recipe is a Nomad job file, and this installation runs everything on its own machine. / An operator can start the server with --dispatch nomad, or change the recipe's enrolment. Then comment again.")},
	{Reason: admission.TooMany, Details: []string{"20", "2026-11-21T12:40:00Z"}},
	{Reason: admission.Withdrawn},
}

// The page shows what is really said.
func TestThePageSaysWhatIsSaid(t *testing.T) {
	page, err := os.ReadFile(refusalsPage)
	if err != nil {
		t.Fatal(err)
	}
	const heading = "\n## What is said\n"
	before, got, ok := strings.Cut(string(page), heading)
	if !ok {
		t.Fatalf("%s has no heading %q", refusalsPage, strings.TrimSpace(heading))
	}
	about := admission.About{Repo: "coop/guestbook", Org: "coop", Word: "!testme"}
	var want strings.Builder
	want.WriteString("\nIn the organisation coop, about the repository coop/guestbook, where the command is `!testme`:\n")
	last := admission.Reason("")
	for _, r := range examples {
		if r.Reason != last {
			fmt.Fprintf(&want, "\n### `%s`\n", r.Reason)
		}
		last = r.Reason
		w := r.Words(about)
		fmt.Fprintf(&want, "\n> %s\n>\n> %s\n", w.Sentence, w.Next)
	}
	if *update {
		if err := os.WriteFile(refusalsPage, []byte(before+heading+want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want.String(), got); d != "" {
		t.Errorf("go test ./bridge/admission -run PageSays -update rewrites the page (-want +got):\n%s", d)
	}
}
