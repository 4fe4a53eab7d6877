package forgetest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// The ways in which only GitHub fails. Delay is how long one must wait; 0 is a minute.
const (
	Secondary     Kind = "secondary limit"              // 403 with Retry-After
	SecondaryBare Kind = "secondary limit, no header"   // 403 that says it only in words
	TooMany       Kind = "429"                          // 429 with Retry-After
	Exhausted     Kind = "primary limit"                // 403 with nothing remaining, until the hour is over
	Withheld      Kind = "403, the token may not see"   // 403 for want of a permission
	Missing       Kind = "404, whether or not it is so" // 404
)

// carriedOut says whether the request has its effect all the same.
func (k Kind) carriedOut() bool { return k == Truncated || k == Lost || k == Slow }

// failGitHub answers in the failure's way; next is how the answer would be.
func (s *Server) failGitHub(f *Failure, by caller, w http.ResponseWriter, r *http.Request, next http.Handler) {
	const secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID."
	wait := cmp.Or(f.Delay, time.Minute)
	s.mu.Lock()
	now := s.exact()
	a := s.account(by.account())
	s.limitHeaders(w.Header(), a)
	reset := a.reset
	s.mu.Unlock()
	retry := func() {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		s.tell(by, now.Add(wait))
	}
	switch f.Kind {
	case Secondary:
		retry()
		refuseGitHub(w, http.StatusForbidden, secondary)
	case TooMany:
		retry()
		refuseGitHub(w, http.StatusTooManyRequests, secondary)
	case SecondaryBare:
		s.tell(by, now.Add(time.Minute)) // the documentation says a minute at least
		refuseGitHub(w, http.StatusForbidden, secondary)
	case Exhausted:
		w.Header().Set("X-RateLimit-Remaining", "0")
		s.tell(by, reset)
		refuseGitHub(w, http.StatusForbidden, "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the request ID.")
	case Withheld:
		message := "Resource not accessible by personal access token"
		if by.grant != nil {
			message = "Resource not accessible by integration"
		}
		refuseGitHub(w, http.StatusForbidden, message)
	case Missing:
		refuseGitHub(w, http.StatusNotFound, "Not Found")
	case Revoked:
		refuseGitHub(w, http.StatusUnauthorized, errCredentials.Error())
	default:
		f.fail(w, r, next)
	}
}
