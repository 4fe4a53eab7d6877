package api

import (
	"errors"
	"net/http"
	"time"

	"seatrial/bridge/admission"
	answers "seatrial/bridge/answer"
	"seatrial/bridge/ledger"
	"seatrial/bridge/token"
	"seatrial/internal/respond"
)

func newProblem(status int, reason, detail, next string) *respond.Problem {
	return &respond.Problem{Status: status, Reason: reason, Detail: detail, Next: next}
}

func missingToken(kind token.Kind) *respond.Problem {
	if kind == token.Hook {
		return newProblem(http.StatusUnauthorized, "no-token", "There is no token in the address.",
			"Post the webhook to /hook?token=…, with the token that “seatrial token hook OWNER/NAME” prints. The webhooks of a whole forge are posted to /hook/ and the forge's id, and signed.")
	}
	return newProblem(http.StatusUnauthorized, "no-token", "There is no token in the request.",
		"Send the header “Authorization: Bearer …”, with a token that an operator makes with “seatrial token new NAME”.")
}

func unknownToken(kind token.Kind) *respond.Problem {
	how := "seatrial token new NAME"
	if kind == token.Hook {
		how = "seatrial token hook OWNER/NAME"
	}
	return newProblem(http.StatusUnauthorized, "unknown-token", "This token is not known, or it has expired or was revoked.",
		"An operator makes one with “"+how+"”; “seatrial token list” shows those that there are.")
}

func unavailable(detail string) *respond.Problem {
	return &respond.Problem{Status: http.StatusServiceUnavailable, Reason: "away", Retry: 5 * time.Second,
		Detail: detail, Next: "Ask again in a moment. The reason is in the log of seatrial serve."}
}

// refusal is what the bridge's refusal means to a program.
func refusal(r answers.Refusal) *respond.Problem {
	status := http.StatusConflict
	switch r.Reason {
	case admission.NotEnrolled, admission.PullRequestGone, admission.BranchGone:
		status = http.StatusNotFound
	case admission.NotAMember, admission.NotNamed, admission.ApprovalNeeded, admission.NotPermitted, admission.BranchLeftOut, admission.Draft, admission.Fork:
		status = http.StatusForbidden
	case admission.TooMany:
		status = http.StatusTooManyRequests
	}
	return newProblem(status, string(r.Reason), r.Sentence, r.Next)
}

// failed is what an error of the bridge's means to a program.
func (s *Service) failed(err error) *respond.Problem {
	switch {
	case errors.Is(err, ledger.ErrAskedOtherwise):
		return newProblem(http.StatusUnprocessableEntity, "key-reused", "This key was used to ask for something else.", "Use another key for each request, and the same one only to ask again after no answer came.")
	case errors.Is(err, answers.ErrNotReady):
		return unavailable("The server is still starting.")
	}
	s.Log.Warn("cannot decide about a request for a run", "err", err)
	return unavailable("Nothing could be decided: the forge, or the journal, does not answer right now.")
}
