package admission

import (
	"cmp"
	"strings"
	"time"

	"seatrial/harness/run"
)

// Words are a refusal in plain text: why not, and what to do about it.
type Words struct {
	Sentence string
	Next     string
}

// About is what a refusal's words may name. All of it is untrusted text.
type About struct {
	Repo string
	Org  string
	Word string // the command
}

// Words are for somebody who commented.
func (r Refusal) Words(a About) Words {
	row := r.row()
	return Words{r.fill(row.sentence, a), r.fill(row.next, a)}
}

// WordsWithoutComment are for somebody who asked without a comment.
func (r Refusal) WordsWithoutComment(a About) Words {
	row := r.row()
	row.asked = cmp.Or(row.asked, row.next)
	return Words{r.fill(row.sentence, a), r.fill(row.asked, a)}
}

// refusalRow is what is said for a reason.
type refusalRow struct {
	reason   Reason
	when     func(Refusal) bool // nil: always
	sentence string
	next     string // to who commented
	asked    string // to who asked without a comment, where that is something else
}

// refusalRows is all that is said, the first row that fits. In braces stand what fill
// knows: About's fields and the refusal's details.
var refusalRows = []refusalRow{
	{reason: NotEnrolled,
		sentence: "{repo} is not enrolled here, so nothing was started.",
		next:     "An operator can enrol it by adding a folder with a recipe.yaml under tests/; “seatrial recipes new” writes one. Then comment again.",
		asked:    "An operator can enrol it by adding a folder with a recipe.yaml under tests/; “seatrial recipes new” writes one. Then ask again."},
	{reason: PullRequestGone,
		sentence: "The pull request can no longer be found, so there is nothing to test.",
		next:     "If it still exists, ask an operator whether the bot's account may read it."},
	{reason: Closed, when: hasDetail(0, merged),
		sentence: "This pull request is already merged, and only open ones are tested.",
		next:     "Open a new pull request for further changes and comment there.",
		asked:    "Open a new pull request for further changes, or ask for a run of the branch that it was merged into."},
	{reason: Closed,
		sentence: "This pull request is closed, and only open ones are tested.",
		next:     "Reopen it and comment again.",
		asked:    "Reopen it and ask again."},
	{reason: NotAMember,
		sentence: "Only members of {org} may start a run, and you are not one of them.",
		next:     "Ask a member of {org} to look at the change and to comment here; an operator can also put you on the recipe's list of trusted senders.",
		asked:    "A member of {org} may ask, and so may an API token: an operator makes one with “seatrial token new”."},
	{reason: NotNamed, when: func(r Refusal) bool { return len(r.Details) == 0 },
		sentence: "Only the people whom this recipe's enrolment names may start a run, and you are not one of them.",
		next:     "Ask one of those who may to look at the change and to comment here; an operator can change who in the recipe's enrolment.",
		asked:    "Those whom the enrolment names may ask, and so may an API token: an operator makes one with “seatrial token new”."},
	{reason: NotNamed,
		sentence: "Only members of the {teams} of {org} may start a run of this recipe, and you are not one of them.",
		next:     "Ask one of those who may to look at the change and to comment here; an operator can change who in the recipe's enrolment.",
		asked:    "Those whom the enrolment names may ask, and so may an API token: an operator makes one with “seatrial token new”."},
	{reason: ApprovalNeeded,
		sentence: "This waits for the approval of {approvers}.",
		next:     "Once one of them has looked at the change and comments {word}, it is started. A push in between needs no new comment of yours, only theirs.",
		asked:    "Ask one of them to comment on the pull request, or ask with an API token: an operator makes one with “seatrial token new”."},
	{reason: NoSuchTeam,
		sentence: "In this recipe's enrolment, the team {0} of {org} decides who may start a run. There is no such team, or the bot's account may not see it.",
		next:     "An operator can correct who in the recipe's enrolment, make the team, or let the bot's account see it."},
	{reason: NotPermitted,
		sentence: "The configuration of this installation leaves {repo} out, so nothing was started.",
		next:     "An operator can change permissions.repos in the list of forges."},
	{reason: BranchLeftOut, when: hasDetail(1, aBranch),
		sentence: "The branch {0} is not tested.",
		next:     "An operator can change branches in the recipe's enrolment, or permissions.branches in the list of forges."},
	{reason: BranchLeftOut,
		sentence: "Pull requests for the branch {0} are not tested.",
		next:     "An operator can change branches in the recipe's enrolment, or permissions.branches in the list of forges."},
	{reason: Draft,
		sentence: "This pull request is a draft, and drafts of this recipe are not tested.",
		next:     "Mark it as ready for review, then comment {word} again.",
		asked:    "Mark it as ready for review, then ask again."},
	{reason: Fork,
		sentence: "This pull request comes from another repository, and only those from this one are tested.",
		next:     "Ask somebody who may push to this repository to push the branch here and to open a pull request from it."},
	{reason: TooMany,
		sentence: "You asked for {0} runs within an hour, the most that one person may.",
		next:     "Comment {word} again after {clock}.",
		asked:    "Ask again after {clock}."},
	{reason: HeadMoved, when: func(r Refusal) bool { return r.detail(0) == "" },
		sentence: "There was a push after your comment, and now the head is {commit 1}; the forge does not say which commit it was before. Nothing was started, because nobody asked for the new one.",
		next:     "Look at the new commit, then comment {word} again.",
		asked:    "Look at the new commit, then ask again."},
	{reason: HeadMoved,
		sentence: "There was a push after your comment: you asked about {commit 0}, and now the head is {commit 1}. Nothing was started, because nobody asked for that commit.",
		next:     "Look at the new commit, then comment {word} again.",
		asked:    "Look at the new commit, then ask again."},
	{reason: CannotIsolate,
		sentence: "This installation cannot keep a recipe's code away from the machine that it runs on, and this recipe's code is not trusted, so nothing was started.",
		next:     "An operator can run “seatrial serve” as root with bubblewrap installed, or, if everybody who may open pull requests here is trusted, set trusted.code in the recipe's enrolment. The server's log says what is missing."},
	{reason: NeedsUnmet,
		sentence: "No machine here offers everything that this recipe needs; missing: {all}. Nothing was started, because it would wait forever.",
		next:     "An operator can offer it, in the configuration or on a cluster in the meta of a node, or take it out of needs in the recipe's enrolment. Then comment again.",
		asked:    "An operator can offer it, in the configuration or on a cluster in the meta of a node. Or take it out of what you ask for, or out of needs in the recipe's enrolment. Then ask again."},
	{reason: CannotDispatch,
		sentence: "{obstacle} So nothing was started.",
		next:     "{obstacle next}"},
	{reason: NotTheHead,
		sentence: "You asked about {commit 0}, and the head is {commit 1}. Nothing was started, because only the head is tested.",
		next:     "Look at the new commit, then ask for it, or name no commit to test whatever the head is."},
	{reason: BranchGone,
		sentence: "There is no such branch, so there is nothing to test.",
		next:     "Name a branch that is in the repository itself, not in a fork; if it is there, ask an operator whether the bot's account may read it."},
	{reason: BranchEmpty,
		sentence: "The repository is empty, so there is nothing to test.",
		next:     "Push a first commit, then ask again."},
	{reason: MembershipUnknown, when: hasDetail(0, notYet),
		sentence: "Whether you are a member of {org} could not be checked yet.",
		next:     "It will be tried again automatically, and this comment will be replaced by the answer.",
		asked:    "Ask again in a moment."},
	{reason: MembershipUnknown,
		sentence: "Whether you are a member of {org} could not be checked for a day, so nothing was started.",
		next:     "An operator finds the reason in the server's log; once it is solved, comment {word} again."},
	{reason: Withdrawn,
		sentence: "The comment was deleted before it could be decided about, so nothing was started.",
		next:     "Comment {word} if you still want this tested."},
}

// unknownRow is for a reason from another version's ledger.
var unknownRow = refusalRow{sentence: "This could not be started.", next: "An operator finds the reason in the server's log."}

func (r Refusal) row() refusalRow {
	for _, row := range refusalRows {
		if row.reason == r.Reason && (row.when == nil || row.when(r)) {
			return row
		}
	}
	return unknownRow
}

func hasDetail(i int, word string) func(Refusal) bool {
	return func(r Refusal) bool { return r.detail(i) == word }
}

// fill puts what the braces stand for into a text, once: what is put in is not looked at.
func (r Refusal) fill(text string, a About) string {
	obstacle := r.obstacle()
	return strings.NewReplacer(
		"{repo}", a.Repo, "{org}", a.Org, "{word}", a.Word,
		"{0}", r.detail(0), "{all}", strings.Join(r.Details, ", "),
		"{commit 0}", run.ShortHash(r.detail(0)), "{commit 1}", run.ShortHash(r.detail(1)), "{clock}", clock(r.detail(1)),
		"{teams}", counted("team", r.Details), "{approvers}", approvers(r.Details),
		"{obstacle}", obstacle.Why, "{obstacle next}", obstacle.Next,
	).Replace(text)
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
