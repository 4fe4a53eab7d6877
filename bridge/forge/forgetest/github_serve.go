package forgetest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveGitHub notes the request, scolds, fails if it was told to, counts it against the
// limit, and answers.
func (s *Server) serveGitHub(w http.ResponseWriter, r *http.Request, api *http.ServeMux) {
	inner := r.Clone(r.Context())
	inner.URL.Path = strings.TrimPrefix(r.URL.Path, s.prefix())
	inner.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, s.prefix())

	s.mu.Lock()
	s.byNumber(inner)
	_, route := api.Handler(inner)
	by, bad := s.identify(r)
	s.note(r, route, by.user)
	s.scoldGitHub(r, route, by)
	a := s.account(by.account())
	moved := s.movedTo(inner)
	over := a.used >= s.hub.limit && route != "GET /rate_limit"
	until := a.reset
	write := r.Method != http.MethodGet && by.app == nil
	if write {
		s.scoldWrites(r, a)
		a.writing++
	}
	s.mu.Unlock()

	var next http.Handler = api
	switch {
	case r.UserAgent() == "":
		next = refusal(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	case bad != nil:
		next = refusal(http.StatusUnauthorized, bad.Error())
	case over:
		next = refusal(http.StatusForbidden, "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the request ID.")
		s.tell(by, until)
	case moved != "":
		next = movedAnswer(moved)
	case route == "":
		next = refusal(http.StatusNotFound, "Not Found")
	}
	next = s.counted(by, route, over, next)
	if write {
		counted := next
		next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer s.written(by)
			counted.ServeHTTP(w, r)
		})
	}
	if f := s.failureFor(r); f != nil {
		if write && !f.Kind.carriedOut() {
			s.written(by)
		}
		s.failGitHub(f, by, w, inner, next)
		return
	}
	next.ServeHTTP(w, inner)
}

// counted answers with the limit's headers and, to a question, with an ETag: the same
// answer to the same token is a 304 and costs nothing.
func (s *Server) counted(by caller, route string, over bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r)
		h := w.Header()
		maps.Copy(h, got.Header())
		same := false
		if r.Method == http.MethodGet && got.Code == http.StatusOK {
			sum := sha256.Sum256(slices.Concat([]byte(by.token+"\n"+r.URL.RequestURI()+"\n"+r.Header.Get("Accept")+"\n"+got.Header().Get("Link")+"\n"), got.Body.Bytes()))
			etag := fmt.Sprintf(`W/"%x"`, sum)
			h.Set("ETag", etag)
			h.Set("Cache-Control", "private, max-age=60, s-maxage=60")
			h.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With")
			same = strings.TrimPrefix(r.Header.Get("If-None-Match"), "W/") == strings.TrimPrefix(etag, "W/")
		}
		s.mu.Lock()
		a := s.account(by.account())
		if route != "GET /rate_limit" && !over && (!same || by.account() == "") {
			a.pay()
		}
		s.limitHeaders(h, a)
		s.mu.Unlock()
		h.Set("X-GitHub-Media-Type", "github.v3; format=json")
		h.Set("X-GitHub-Request-Id", "0000:00000:0000000:0000000:00000000")
		if same {
			h.Del("Content-Type")
			h.Del("Content-Length")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(got.Code)
		w.Write(got.Body.Bytes())
	})
}

// note adds a request to the list.
func (s *Server) note(r *http.Request, route string, by *user) {
	noted := Request{At: s.time(), Came: time.Now(), Method: r.Method, Path: r.URL.Path, Query: maps.Clone(r.URL.Query()), Route: route}
	if by != nil {
		noted.User = by.Login
	}
	if len(s.asked) >= mostRequests {
		s.asked = slices.Delete(s.asked, 0, mostRequests/2)
	}
	s.asked = append(s.asked, noted)
}

// byNumber turns /repositories/7/… into /repos/owner/name/….
func (s *Server) byNumber(r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/repositories/")
	if !ok {
		return
	}
	number, rest, _ := strings.Cut(rest, "/")
	id, _ := strconv.ParseInt(number, 10, 64)
	if known := s.numbered[id]; known != nil && !known.deleted {
		r.URL.Path = strings.TrimSuffix("/repos/"+known.owner+"/"+known.name+"/"+rest, "/")
		r.URL.RawPath = ""
	}
}

// movedTo is where a repository that was renamed is now; "" if it was not.
func (s *Server) movedTo(r *http.Request) string {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/repos/"), "/", 3)
	if !strings.HasPrefix(r.URL.Path, "/repos/") || len(parts) < 2 {
		return ""
	}
	name := strings.ToLower(parts[0] + "/" + parts[1])
	there := s.hub.moved[name]
	if there == nil || there.deleted || s.repos[name] != nil {
		return ""
	}
	to := fmt.Sprintf("%s%s/repositories/%d", s.URL(), s.prefix(), there.id)
	if len(parts) == 3 {
		to += "/" + parts[2]
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return to
}

func movedAnswer(to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusMovedPermanently
		if r.Method != http.MethodGet {
			status = http.StatusTemporaryRedirect
		}
		w.Header().Set("Location", to)
		answer(w, status, object{"message": "Moved Permanently", "url": to, "documentation_url": "https://docs.github.com/v3/#http-redirects"})
	})
}

func refusal(status int, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuseGitHub(w, status, message) })
}

func refuseGitHub(w http.ResponseWriter, status int, message string) {
	answer(w, status, object{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)})
}

// tell notes that a caller was told to wait.
func (s *Server) tell(by caller, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(by.account())
	a.told, a.until = s.exact(), until
}

// written ends a write.
func (s *Server) written(by caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(by.account()).writing--
}

// exact is the server's clock with its fractions.
func (s *Server) exact() time.Time { return s.now().Add(s.offset).UTC() }
