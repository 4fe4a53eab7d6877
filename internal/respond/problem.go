package respond

import (
	"net/http"
	"time"
)

// ProblemType is the content type of problems.
const ProblemType = "application/problem+json"

// Problem is what is answered instead of what was asked for. Without a reason its type is
// about:blank, so that title and status say the same.
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`           // for people: what is wrong, in a sentence
	Next   string `json:"next,omitempty"`   // for people: what to do about it
	Reason string `json:"reason,omitempty"` // a word for programs

	Retry time.Duration `json:"-"` // after which to ask again; 0: nobody knows
}

// Encode is the problem as JSON.
func (p Problem) Encode() []byte {
	p.Title = http.StatusText(p.Status)
	if p.Reason != "" {
		p.Type = "urn:seatrial:problem:" + p.Reason
	}
	return encode(p)
}

// JSON answers a program.
func (p Problem) JSON(w http.ResponseWriter) {
	p.headers(w.Header())
	write(w, p.Status, ProblemType, p.Encode())
}

// Text answers people, who see it in a list of deliveries.
func (p Problem) Text(w http.ResponseWriter) {
	p.headers(w.Header())
	Text(w, p.Status, p.Detail+" "+p.Next+"\n")
}

func (p Problem) headers(h http.Header) {
	if p.Retry > 0 {
		RetryAfter(h, p.Retry)
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="seatrial"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	}
}
