package forgetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request is one that the server got.
type Request struct {
	At     time.Time // by the forge's clock
	Came   time.Time // by this machine's
	Method string
	Path   string
	Query  url.Values
	Route  string // the pattern that answered, such as "GET /repos/{owner}/{repo}/pulls/{n}"; empty if none did
	User   string // by the token; empty without
	Status int
}

// mostRequests bounds the list: the demonstration may stay up for long.
const mostRequests = 20000

// Requests lists the requests to the API so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

const apiPrefix = "/api/v1"

// handler separates the API from the pages. (One mux cannot hold both: an owner could be called "api".)
func (s *Server) handler() http.Handler {
	api, web := s.api(), s.web()
	serve := s.serveAPI
	if s.kind == GitHub {
		api, serve = s.githubAPI(), s.serveGitHub
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		now := s.time()
		s.mu.Unlock()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		if strings.HasPrefix(r.URL.Path, s.prefix()+"/") {
			serve(w, r, api)
			return
		}
		web.ServeHTTP(w, r)
	})
}

// serveAPI notes the request, scolds, fails if it was told to, and answers.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, api *http.ServeMux) {
	inner := r.Clone(r.Context())
	inner.URL.Path = strings.TrimPrefix(r.URL.Path, apiPrefix)
	inner.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, apiPrefix)
	_, route := api.Handler(inner)

	s.mu.Lock()
	u, sent := s.whoAsks(r)
	s.note(r, route, u)
	s.scold(r, route, sent)
	s.mu.Unlock()

	var next http.Handler = api
	if sent && u == nil {
		next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusUnauthorized, "invalid username, password or token")
		})
	} else if route == "" {
		next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "not found") })
	}
	if f := s.failureFor(r); f != nil {
		f.fail(w, inner, next)
		return
	}
	next.ServeHTTP(w, inner)
}

// whoAsks reads the credentials; sent says whether there are any.
func (s *Server) whoAsks(r *http.Request) (u *user, sent bool) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, false
	}
	if _, password, ok := r.BasicAuth(); ok {
		return s.tokens[password], true
	}
	_, token, _ := strings.Cut(header, " ")
	return s.tokens[token], true
}

// scold complains about what a good client does not do.
func (s *Server) scold(r *http.Request, route string, sent bool) {
	complain := s.scoldAnybody(r, route, !sent)
	if limit := atoi(r.URL.Query().Get("limit")); limit > maxPage {
		complain(true, "asks for %d a page, but %d is the most", limit, maxPage)
	}
}

// scoldAnybody complains about what no forge likes, and returns how to complain about more.
func (s *Server) scoldAnybody(r *http.Request, route string, nameless bool) (complain func(when bool, how string, args ...any)) {
	complain = func(when bool, how string, args ...any) {
		if when {
			s.complain("%s %s: %s", r.Method, r.URL.Path, fmt.Sprintf(how, args...))
		}
	}
	complain(route == "", "no such route")
	complain(nameless, "without a token")
	complain(r.UserAgent() == "" || strings.HasPrefix(r.UserAgent(), "Go-http-client"), "does not say who asks")
	for name, values := range r.URL.Query() {
		for _, v := range values {
			complain(s.tokens[v] != nil || s.hub.grants[v] != nil || strings.Contains(name, "token"), "a secret in the query")
		}
	}
	if since := r.URL.Query().Get("since"); since != "" {
		_, err := time.Parse(time.RFC3339, since)
		complain(err != nil, "since=%q is no time", since)
	}
	complain(r.ContentLength > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"), "a body that is not said to be JSON")
	return complain
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"message": message, "url": "/api/swagger"})
}

// of finds first what a route is about, and does the rest only with that; what finds nothing
// has answered so itself.
func of[C, T any](find func(C) *T, do func(C, *T)) func(C) {
	return func(c C) {
		if found := find(c); found != nil {
			do(c, found)
		}
	}
}

// each says something of everything in a list. An empty one is [] and not null.
func each[T, U any](list []T, say func(T) U) []U {
	said := make([]U, 0, len(list))
	for _, of := range list {
		said = append(said, say(of))
	}
	return said
}

const (
	defaultPage = 30
	maxPage     = 50
)

// page cuts a page out of a list, as Gitea does, and sets the header with the total.
func page[T any](w http.ResponseWriter, r *http.Request, list []T) []T {
	number := max(1, atoi(r.FormValue("page")))
	size := min(cmp.Or(max(0, atoi(r.FormValue("limit"))), defaultPage), maxPage)
	w.Header().Set("X-Total-Count", strconv.Itoa(len(list)))
	from := min((number-1)*size, len(list))
	return list[from:min(from+size, len(list))]
}

// sinceOf reads the query's since; everything is updated at or after the zero time.
func sinceOf(r *http.Request) (time.Time, error) {
	text := r.FormValue("since")
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.Truncate(time.Second), err
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
