package admission

import "strings"

// Reason is the name of a refusal. It is kept in the ledger: do not rename.
type Reason string

// The reasons.
const (
	NotEnrolled     Reason = "not-enrolled"
	PullRequestGone Reason = "pull-request-gone"
	Closed          Reason = "closed"
	NotAMember      Reason = "not-a-member"
	HeadMoved       Reason = "head-moved"
	CannotIsolate   Reason = "cannot-isolate"
	NeedsUnmet      Reason = "needs-unmet"
	CannotDispatch  Reason = "cannot-place"
	NotPermitted    Reason = "not-permitted"
	BranchLeftOut   Reason = "branch-left-out"
	Draft           Reason = "draft"
	Fork            Reason = "fork"
	NotNamed        Reason = "not-named"
	ApprovalNeeded  Reason = "approval-needed"
	NoSuchTeam      Reason = "no-such-team"
	TooMany         Reason = "too-many"
	NotTheHead      Reason = "not-the-head"
	BranchGone      Reason = "branch-gone"
	BranchEmpty     Reason = "branch-empty"
	// MembershipUnknown is a refusal when it could not be found out for a day who the
	// asker is. NotKnownYet is said while there is no decision.
	MembershipUnknown Reason = "membership-unknown"
	// Own marks a comment of our own, which gets no answer.
	Own Reason = "own"
	// Withdrawn marks a comment that was deleted before it was decided about. It gets no
	// answer either, unless one was begun.
	Withdrawn Reason = "withdrawn"
)

const (
	// unknownCommit stands in a refusal for a commit that the forge did not name.
	unknownCommit = "-"
	// The details that make a reason another one.
	merged  = "merged"
	aBranch = "itself" // what is left out is what was asked about, not where it goes
	notYet  = "yet"
)

// NotKnownYet is what is said while it cannot be found out who the asker is. It decides nothing.
var NotKnownYet = Refusal{Reason: MembershipUnknown, Details: []string{notYet}}

// Refusal is a reason addressed to the asker. It is not an error. Its words follow
// from the reason and the details alone, so that the same answer can be given
// after a restart.
type Refusal struct {
	Reason Reason
	// Details are words without spaces: two commits for HeadMoved and NotTheHead, "merged" for Closed, the
	// needs for NeedsUnmet, an Obstacle's words for CannotDispatch, the branch for
	// BranchLeftOut, the teams for NotNamed, the team for NoSuchTeam, the approvers for
	// ApprovalNeeded, and for TooMany how many and until when (RFC 3339).
	Details []string
}

// Obstacle is in the way of a recipe's runs: two sentences in plain text, each with
// its full stop.
type Obstacle struct{ Why, Next string }

// obstacleSeparator separates the two sentences in a refusal's details.
const obstacleSeparator = "/"

func (o Obstacle) words() []string {
	return append(append(strings.Fields(o.Why), obstacleSeparator), strings.Fields(o.Next)...)
}

func (r Refusal) obstacle() Obstacle {
	why, next, _ := strings.Cut(" "+strings.Join(r.Details, " ")+" ", " "+obstacleSeparator+" ")
	return Obstacle{Why: strings.TrimSpace(why), Next: strings.TrimSpace(next)}
}

// String is the form that is remembered: the reason, then its details.
func (r Refusal) String() string {
	return strings.Join(append([]string{string(r.Reason)}, r.Details...), " ")
}

// ParseRefusal reads what String wrote.
func ParseRefusal(s string) Refusal {
	words := strings.Fields(s)
	if len(words) == 0 {
		return Refusal{}
	}
	return Refusal{Reason: Reason(words[0]), Details: words[1:]}
}

func (r Refusal) detail(i int) string {
	if i >= len(r.Details) || r.Details[i] == unknownCommit {
		return ""
	}
	return r.Details[i]
}
