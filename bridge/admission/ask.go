package admission

import (
	"context"
	"fmt"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// DecideBranch decides about a wish to test a branch of the repository itself, as Decide
// does about one for a pull request. The branch is nil where the forge says that there
// is none. Pull and Pushes are not looked at, and of Comment only whose it is and when.
func DecideBranch(ctx context.Context, in Input, branch *forge.Branch, members Members) (Decision, error) {
	switch {
	case in.Enrolment == nil:
		return refuse(NotEnrolled)
	case branch == nil:
		return refuse(BranchGone)
	case branch.Head == "":
		return refuse(BranchEmpty)
	}
	if !in.Permitted.repo(branch.Repo.String()) {
		return refuse(NotPermitted)
	}
	refusal, err := mayAsk(ctx, in, members)
	switch {
	case err != nil || refusal != nil:
		return Decision{Refusal: refusal}, err
	case in.Commit != "" && in.Commit != branch.Head:
		return refuse(NotTheHead, in.Commit, branch.Head)
	}
	if refusal := blocked(in, branch.Private); refusal != nil {
		return Decision{Refusal: refusal}, nil
	}
	return accept(in, run.Code{
		Forge:  branch.Repo.Forge,
		Repo:   branch.Repo.String(),
		URL:    branch.CloneURL,
		Ref:    "refs/heads/" + branch.Name,
		Commit: branch.Head,
		Link:   branch.URL,

		Private: branch.Private,
	}), nil
}

// Trusts says whether somebody is one whose comment could start a run of the recipe. The
// error is that of Decide.
func Trusts(ctx context.Context, in Input, members Members) (bool, error) {
	if in.Enrolment == nil {
		return false, nil
	}
	in.Vouched = false
	refusal, err := mayAsk(ctx, in, members)
	return refusal == nil && err == nil, err
}

// NextAsked says what to do about a refusal to somebody who asked without a comment.
func (r Refusal) NextAsked(a About) string {
	switch r.Reason {
	case NotEnrolled:
		return "An operator can enrol it by adding a folder with a recipe.yaml under tests/; “seatrial recipes new” writes one. Then ask again."
	case Closed:
		if r.detail(0) == "merged" {
			return "Open a new pull request for further changes, or ask for a run of the branch that it was merged into."
		}
		return "Reopen it and ask again."
	case NotAMember:
		return fmt.Sprintf("A member of %s may ask, and so may an API token: an operator makes one with “seatrial token new”.", a.Org)
	case NeedsUnmet:
		return "An operator can offer it, in the configuration or on a cluster in the meta of a node. Or take it out of what you ask for, or out of needs in the recipe's enrolment. Then ask again."
	case MembershipUnknown:
		return "Ask again in a moment."
	}
	return r.Next(a)
}
