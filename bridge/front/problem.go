package front

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/answer"
	"seatrial/bridge/ledger"
	"seatrial/bridge/token"
)

// problem is why not, as RFC 9457 has it, with what to do about it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"` // what is wrong, in a sentence
	Next   string `json:"next"`   // what to do about it
	Reason string `json:"reason"` // a word for programs

	retry time.Duration
}

func bad(status int, reason, detail, next string) *problem {
	return &problem{Status: status, Reason: reason, Detail: detail, Next: next}
}

func missing(kind token.Kind) *problem {
	if kind == token.Hook {
		return bad(http.StatusUnauthorized, "no-token", "There is no token in the address.",
			"Post the webhook to /hook?token=…, with the token that “seatrial token hook OWNER/NAME” prints. The webhooks of a whole forge are posted to /hook/ and the forge's id, and signed.")
	}
	return bad(http.StatusUnauthorized, "no-token", "There is no token in the request.",
		"Send the header “Authorization: Bearer …”, with a token that an operator makes with “seatrial token new NAME”.")
}

func unknown(kind token.Kind) *problem {
	how := "seatrial token new NAME"
	if kind == token.Hook {
		how = "seatrial token hook OWNER/NAME"
	}
	return bad(http.StatusUnauthorized, "unknown-token", "This token is not known, or it has expired or was revoked.",
		"An operator makes one with “"+how+"”; “seatrial token list” shows those that there are.")
}

func away(detail string) *problem {
	return &problem{Status: http.StatusServiceUnavailable, Reason: "away", retry: 5 * time.Second,
		Detail: detail, Next: "Ask again in a moment. The reason is in the log of seatrial serve."}
}

// refused is what the bridge's refusal means to a program.
func refused(r answer.Refusal) *problem {
	status := http.StatusConflict
	switch r.Reason {
	case admission.NotEnrolled, admission.PullRequestGone, admission.BranchGone:
		status = http.StatusNotFound
	case admission.NotAMember, admission.NotNamed, admission.ApprovalNeeded, admission.NotPermitted, admission.BranchLeftOut, admission.Draft, admission.Fork:
		status = http.StatusForbidden
	case admission.TooMany:
		status = http.StatusTooManyRequests
	}
	return bad(status, string(r.Reason), r.Sentence, r.Next)
}

// failed is what an error of the bridge's means to a program.
func (f *Front) failed(err error) *problem {
	switch {
	case errors.Is(err, ledger.ErrAskedOtherwise):
		return bad(http.StatusUnprocessableEntity, "key-reused", "This key was used to ask for something else.", "Use another key for each wish, and the same one only to ask again after no answer came.")
	case errors.Is(err, answer.ErrNotReady):
		return away("The server is still starting.")
	}
	f.Log.Warn("cannot decide about a wish for a run", "err", err)
	return away("Nothing could be decided: the forge, or the journal, does not answer right now.")
}

func (p *problem) headers(h http.Header) {
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="seatrial"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	}
}

// send answers with the problem as JSON.
func (p *problem) send(w http.ResponseWriter) {
	p.headers(w.Header())
	p.Type, p.Title = "urn:seatrial:problem:"+p.Reason, http.StatusText(p.Status)
	send(w, p.Status, "application/problem+json", p)
}

// say answers with the problem as text.
func (p *problem) say(w http.ResponseWriter) {
	p.headers(w.Header())
	say(w, p.Status, p.Detail+" "+p.Next+"\n")
}

func send(w http.ResponseWriter, status int, kind string, value any) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil { // nothing here can fail to be JSON
		status, text = http.StatusInternalServerError, []byte(`{}`)
	}
	safe(w.Header(), kind)
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the reader went away: nothing to be done
}

func say(w http.ResponseWriter, status int, text string) {
	safe(w.Header(), "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the reader went away: nothing to be done
}

func safe(h http.Header, kind string) {
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer") // an address may hold a token
}
