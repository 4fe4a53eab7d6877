package forgetest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is a way to fail.
type Kind string

// The ways to fail. Where nothing else is said the request has no effect.
const (
	Broken      Kind = "500"       // 500 with a JSON message
	Unavailable Kind = "503"       // 503 with Retry-After: 1 and a page of a proxy
	HTML        Kind = "html"      // 200 with a page instead of JSON
	Truncated   Kind = "truncated" // carried out, but the answer is half of its JSON
	Drop        Kind = "drop"      // the connection ends without an answer
	Lost        Kind = "lost"      // carried out, but the connection ends without an answer
	Slow        Kind = "slow"      // carried out, after the delay
	Revoked     Kind = "401"       // the token is not accepted
)

// Failure says which requests fail, and how.
type Failure struct {
	Kind   Kind
	Method string        // "" is any
	Path   string        // the requests whose path contains this; "" is all
	Times  int           // how often; 0 is until Mend
	Delay  time.Duration // of Slow

	left int
	over chan struct{} // closed by Mend
}

// Fail makes requests to the API fail from now on. The first failure that fits counts.
func (s *Server) Fail(f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.left, f.over = f.Times, make(chan struct{})
	s.failures = append(s.failures, &f)
}

// Mend ends all failures, also for requests that wait for Slow.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.failures {
		close(f.over)
	}
	s.failures = nil
}

func (s *Server) failureFor(r *http.Request) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.failures {
		if (f.Method != "" && f.Method != r.Method) || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.Times > 0 {
			if f.left--; f.left == 0 {
				s.failures = slices.Delete(s.failures, i, i+1)
			}
		}
		return f
	}
	return nil
}

// fail answers in the failure's way; next is how the answer would be.
func (f *Failure) fail(w http.ResponseWriter, r *http.Request, next http.Handler) {
	const page = "<!DOCTYPE html><html><head><title>Maintenance \x1b[31m</title></head><body><h1>We are back soon</h1><script>alert(1)</script></body></html>"
	switch f.Kind {
	case Broken:
		answer(w, http.StatusInternalServerError, map[string]string{"message": "database is locked"})
	case Revoked:
		answer(w, http.StatusUnauthorized, map[string]string{"message": "invalid username, password or token"})
	case Unavailable:
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte(page))
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(page))
	case Truncated:
		recorded := record(r, next)
		body := recorded.Body.Bytes()
		for k, v := range recorded.Header() {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)/2))
		w.WriteHeader(recorded.Code)
		w.Write(body[:len(body)/2])
	case Lost:
		record(r, next)
		panic(http.ErrAbortHandler)
	case Drop:
		panic(http.ErrAbortHandler)
	case Slow:
		select {
		case <-time.After(f.Delay):
			next.ServeHTTP(w, r)
		case <-f.over:
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	default:
		panic("forgetest: unknown failure " + f.Kind)
	}
}

func record(r *http.Request, next http.Handler) *httptest.ResponseRecorder {
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, r)
	return recorded
}

// LagSearch stops the index that the search of issues goes through: what changes from now
// on is not found until the lag ends, although lists have it.
func (s *Server) LagSearch(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.indexed = time.Time{}
	if on {
		s.indexed = s.time()
	}
}

// isIndexed says whether the search knows an issue as it is.
func (s *Server) isIndexed(i *issue) bool { return s.indexed.IsZero() || !i.updated.After(s.indexed) }
