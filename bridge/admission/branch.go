package admission

import (
	"cmp"
	"context"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// DecideBranch decides about a branch of the repository itself, as Decide does about a
// pull request. The branch is nil where the forge says that there
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
	target := cmp.Or(in.Base, branch.Name)
	switch {
	case !in.Permitted.repo(branch.Repo.String()):
		return refuse(NotPermitted)
	// What an enrolment says of branches is about where changes go.
	case !matchesAny(in.Permitted.Branches, target), in.Base != "" && !matchesAny(in.Enrolment.Branches, in.Base):
		return refuse(BranchLeftOut, target, aBranch)
	}
	refusal, err := mayAsk(ctx, in, members)
	switch {
	case err != nil || refusal != nil:
		return Decision{Refusal: refusal}, err
	case in.Commit != "" && in.Commit != branch.Head:
		return refuse(NotTheHead, in.Commit, branch.Head)
	}
	if refusal := obstacles(in, branch.Private); refusal != nil {
		return Decision{Refusal: refusal}, nil
	}
	return accept(in, run.Code{
		Forge:  branch.Repo.Forge,
		Repo:   branch.Repo.String(),
		URL:    branch.CloneURL,
		Ref:    "refs/heads/" + branch.Name,
		Commit: branch.Head,
		Base:   in.Base,
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
