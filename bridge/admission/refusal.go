package admission

import (
	"fmt"
	"strings"
	"time"

	"seatrial/harness/run"
)

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
	CannotPlace     Reason = "cannot-place"
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
	// MembershipUnknown is said while there is no decision yet, and becomes a
	// refusal when it could not be found out for a day.
	MembershipUnknown Reason = "membership-unknown"
	// Own marks a comment of our own, which gets no answer.
	Own Reason = "own"
	// Withdrawn marks a comment that was deleted before it was decided about. It gets no
	// answer either, unless one was begun.
	Withdrawn Reason = "withdrawn"
)

// unknownCommit stands in a refusal for a commit that the forge did not name.
const unknownCommit = "-"

// Refusal is a reason addressed to the asker. It is not an error. Its words follow
// from the reason and the details alone, so that the same answer can be given
// after a restart.
type Refusal struct {
	Reason Reason
	// Details are words without spaces: two commits for HeadMoved and NotTheHead, "merged" for Closed, the
	// needs for NeedsUnmet, an Obstacle's words for CannotPlace, the branch for
	// BranchLeftOut, the teams for NotNamed, the team for NoSuchTeam, the approvers for
	// ApprovalNeeded, and for TooMany how many and until when (RFC 3339).
	Details []string
}

// Obstacle is in the way of a recipe's runs: two sentences in plain text, each with
// its full stop.
type Obstacle struct{ Why, Next string }

// between separates the two sentences in a refusal's details.
const between = "/"

func (o Obstacle) words() []string {
	return append(append(strings.Fields(o.Why), between), strings.Fields(o.Next)...)
}

func (r Refusal) obstacle() Obstacle {
	why, next, _ := strings.Cut(" "+strings.Join(r.Details, " ")+" ", " "+between+" ")
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

// About is what a refusal's words may name. All of it is untrusted text.
type About struct {
	Repo string
	Org  string
	Word string // the command
}

// Sentence says why not, in plain text.
func (r Refusal) Sentence(a About) string {
	switch r.Reason {
	case NotEnrolled:
		return fmt.Sprintf("%s is not enrolled here, so nothing was started.", a.Repo)
	case PullRequestGone:
		return "The pull request could not be found any more, so there is nothing to test."
	case Closed:
		if r.detail(0) == "merged" {
			return "This pull request is merged already, and only open ones are tested."
		}
		return "This pull request is closed, and only open ones are tested."
	case NotAMember:
		return fmt.Sprintf("Only members of %s may start a run, and you are not one of them.", a.Org)
	case NotNamed:
		if len(r.Details) == 0 {
			return "Only the people whom this recipe's enrolment names may start a run, and you are not one of them."
		}
		return fmt.Sprintf("Only members of the %s of %s may start a run of this recipe, and you are not one of them.", counted("team", r.Details), a.Org)
	case ApprovalNeeded:
		return fmt.Sprintf("This waits for the approval of %s.", approvers(r.Details))
	case NoSuchTeam:
		return fmt.Sprintf("This recipe's enrolment leaves to the team %s of %s who may start a run, and there is no such team, or the bot's account may not see it.", r.detail(0), a.Org)
	case NotPermitted:
		return fmt.Sprintf("The configuration of this installation leaves %s out, so nothing was started.", a.Repo)
	case BranchLeftOut:
		if r.detail(1) != "" {
			return fmt.Sprintf("The branch %s is not tested.", r.detail(0))
		}
		return fmt.Sprintf("Pull requests for the branch %s are not tested.", r.detail(0))
	case Draft:
		return "This pull request is a draft, and drafts of this recipe are not tested."
	case Fork:
		return "This pull request comes from another repository, and only those from this one are tested."
	case TooMany:
		return fmt.Sprintf("You asked for %s runs within an hour, which is as many as one person may.", r.detail(0))
	case HeadMoved:
		now := run.ShortHash(r.detail(1))
		if then := r.detail(0); then != "" {
			return fmt.Sprintf("There was a push after your comment: you asked about %s, and now the head is %s. Nothing was started, because nobody asked for that commit.", run.ShortHash(then), now)
		}
		return fmt.Sprintf("There was a push after your comment, and now the head is %s; which commit it was before, the forge does not say. Nothing was started, because nobody asked for the new one.", now)
	case CannotIsolate:
		return "This installation cannot keep a recipe's code away from the machine that it runs on, and this recipe's code is not trusted, so nothing was started."
	case NeedsUnmet:
		return fmt.Sprintf("No machine here offers all that this recipe needs; what is missing: %s. Nothing was started, because it would wait for ever.", strings.Join(r.Details, ", "))
	case CannotPlace:
		return r.obstacle().Why + " So nothing was started."
	case NotTheHead:
		return fmt.Sprintf("You asked about %s, and the head is %s. Nothing was started, because only the head is tested.", run.ShortHash(r.detail(0)), run.ShortHash(r.detail(1)))
	case BranchGone:
		return "There is no such branch, so there is nothing to test."
	case BranchEmpty:
		return "The repository is empty, so there is nothing to test."
	case MembershipUnknown:
		return fmt.Sprintf("Whether you are a member of %s could not be checked yet.", a.Org)
	case Withdrawn:
		return "The comment was deleted before it could be decided about, so nothing was started."
	}
	return "This could not be started."
}

// counted is "team a" or "teams a, b".
func counted(noun string, names []string) string {
	if len(names) > 1 {
		noun += "s"
	}
	return noun + " " + strings.Join(names, ", ")
}

// approvers are people and teams in words.
func approvers(names []string) string {
	said := make([]string, len(names))
	for i, name := range names {
		said[i] = name
		if team, ok := strings.CutPrefix(name, "team/"); ok {
			said[i] = "somebody in the team " + team
		} else if number, ok := strings.CutPrefix(name, "#"); ok {
			said[i] = "the account with the number " + number
		}
	}
	return strings.Join(said, " or ")
}

// clock is a time as people write it.
func clock(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.UTC().Format("15:04 UTC")
}

// Next says what to do about it, in plain text.
func (r Refusal) Next(a About) string {
	switch r.Reason {
	case NotEnrolled:
		return "An operator can enrol it by adding a folder with a recipe.yaml under tests/; “seatrial recipes new” writes one. Then comment again."
	case PullRequestGone:
		return "If it still exists, ask an operator whether the bot's account may read it."
	case Closed:
		if r.detail(0) == "merged" {
			return "Open a new pull request for further changes and comment there."
		}
		return "Reopen it and comment again."
	case NotAMember:
		return fmt.Sprintf("Ask a member of %s to look at the change and to comment here; an operator can also put you on the recipe's list of trusted senders.", a.Org)
	case NotNamed:
		return "Ask one of those who may to look at the change and to comment here; an operator can change who in the recipe's enrolment."
	case ApprovalNeeded:
		return fmt.Sprintf("Once one of them has looked at the change and comments %s, it is started. A push in between needs no new comment of yours, only theirs.", a.Word)
	case NoSuchTeam:
		return "An operator can correct who in the recipe's enrolment, make the team, or let the bot's account see it."
	case NotPermitted:
		return "An operator can change permissions.repos in the list of forges."
	case BranchLeftOut:
		return "An operator can change branches in the recipe's enrolment, or permissions.branches in the list of forges."
	case Draft:
		return fmt.Sprintf("Mark it as ready for review, then comment %s again.", a.Word)
	case Fork:
		return "Ask somebody who may push to this repository to push the branch here and to open a pull request from it."
	case TooMany:
		return fmt.Sprintf("Comment %s again after %s.", a.Word, clock(r.detail(1)))
	case HeadMoved:
		return fmt.Sprintf("Look at the new commit, then comment %s again.", a.Word)
	case CannotIsolate:
		return "An operator can run “seatrial serve” as root with bubblewrap installed, or, if everybody who may open pull requests here is trusted, set trusted.code in the recipe's enrolment. The server's log says what is missing."
	case NeedsUnmet:
		return "An operator can offer it, in the configuration or on a cluster in the meta of a node, or take it out of needs in the recipe's enrolment. Then comment again."
	case CannotPlace:
		return r.obstacle().Next
	case NotTheHead:
		return "Look at the new commit, then ask for it, or name no commit to test whatever the head is."
	case BranchGone:
		return "Name a branch that is in the repository itself, not in a fork; if it is there, ask an operator whether the bot's account may read it."
	case BranchEmpty:
		return "Push a first commit, then ask again."
	case MembershipUnknown:
		return "It will be tried again by itself, and this comment will be replaced by the answer."
	case Withdrawn:
		return fmt.Sprintf("Comment %s if this is to be tested after all.", a.Word)
	}
	return "An operator finds the reason in the server's log."
}

// GaveUp is what MembershipUnknown says when it stayed unknown for too long.
func (a About) GaveUp() (sentence, next string) {
	return fmt.Sprintf("Whether you are a member of %s could not be checked for a day, so nothing was started.", a.Org),
		fmt.Sprintf("An operator finds the reason in the server's log; once it is solved, comment %s again.", a.Word)
}
