package announce_test

import (
	"strings"
	"testing"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
)

var about = admission.About{Repo: "coop/guestbook", Org: "coop", Word: "!testme"}

func refused(reason admission.Reason, details ...string) func(*testing.T) string {
	return func(*testing.T) string {
		r := admission.Refusal{Reason: reason, Details: details}
		return announce.RenderRefusal(99, "eve", r.Words(about))
	}
}

var answers = map[string]func(*testing.T) string{
	"refused-not-enrolled":       refused(admission.NotEnrolled),
	"refused-pull-request-gone":  refused(admission.PullRequestGone),
	"refused-closed":             refused(admission.Closed),
	"refused-merged":             refused(admission.Closed, "merged"),
	"refused-not-a-member":       refused(admission.NotAMember),
	"refused-head-moved":         refused(admission.HeadMoved, commit, head),
	"refused-head-moved-unknown": refused(admission.HeadMoved, "-", head),
	"refused-not-permitted":      refused(admission.NotPermitted),
	"refused-branch-left-out":    refused(admission.BranchLeftOut, "stable"),
	"refused-draft":              refused(admission.Draft),
	"refused-fork":               refused(admission.Fork),
	"refused-not-named":          refused(admission.NotNamed),
	"refused-not-in-a-team":      refused(admission.NotNamed, "owners", "packagers"),
	"refused-approval-needed":    refused(admission.ApprovalNeeded, "grace", "#7"),
	"refused-approval-of-a-team": refused(admission.ApprovalNeeded, "grace", "team/owners"),
	"refused-withdrawn":          refused(admission.Withdrawn),
	"refused-no-such-team":       refused(admission.NoSuchTeam, "crew"),
	"refused-too-many":           refused(admission.TooMany, "20", "2026-11-21T12:40:00Z"),
	"refused-cannot-isolate":     refused(admission.CannotIsolate),
	"refused-needs-unmet":        refused(admission.NeedsUnmet, "kvm", "gpu"),
	"refused-cannot-place": refused(admission.CannotDispatch, strings.Fields(
		"The Nomad job nixcache, which the enrolment names as builder, has no task executor in its group runner. / An operator adds it, or takes builder out of the enrolment. Then comment again.")...),
	"refused-membership-unknown": refused(admission.MembershipUnknown),
	"not-decided-yet": func(*testing.T) string {
		return announce.RenderWaiting(99, "eve", admission.NotKnownYet.Words(about))
	},
	"joins": func(t *testing.T) string {
		return announce.RenderJoined(99, "grace", tell(t).running().report(), "https://forge.example.test/coop/guestbook/pulls/7#issuecomment-12", ctx)
	},
	"joins-before-there-is-a-comment": func(t *testing.T) string {
		return announce.RenderJoined(99, "grace", tell(t).report(), "", ctx)
	},
}

func TestEveryAnswer(t *testing.T) {
	for name, render := range answers {
		t.Run(name, func(t *testing.T) {
			body := render(t)
			golden(t, name, body)
			wellFormed(t, body, announce.CommentMarker(99))
		})
	}
}
