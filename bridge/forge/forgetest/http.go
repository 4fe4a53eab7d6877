package forgetest

import (
	"encoding/json"
	"maps"
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

// RequestsBy counts the requests to the API that a user's tokens made, by route.
func (s *Server) RequestsBy(login string) map[string]int {
	counts := map[string]int{}
	for _, r := range s.Requests() {
		if strings.EqualFold(r.User, login) {
			counts[r.Route]++
		}
	}
	return counts
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
	noted := Request{At: s.time(), Came: time.Now(), Method: r.Method, Path: r.URL.Path, Query: maps.Clone(r.URL.Query()), Route: route}
	if u != nil {
		noted.User = u.Login
	}
	s.scold(r, route, sent)
	if len(s.asked) >= mostRequests {
		s.asked = slices.Delete(s.asked, 0, mostRequests/2)
	}
	s.asked = append(s.asked, noted)
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
	what := r.Method + " " + r.URL.Path
	query := r.URL.Query()
	if route == "" {
		s.complain("%s: no such route", what)
	}
	if !sent {
		s.complain("%s: without a token", what)
	}
	for name, values := range query {
		for _, v := range values {
			if s.tokens[v] != nil || strings.Contains(name, "token") {
				s.complain("%s: a secret in the query", what)
			}
		}
	}
	if limit, err := strconv.Atoi(query.Get("limit")); err == nil && limit > maxPage {
		s.complain("%s: asks for %d a page, but %d is the most", what, limit, maxPage)
	}
	if since := query.Get("since"); since != "" {
		if _, err := time.Parse(time.RFC3339, since); err != nil {
			s.complain("%s: since=%q is no time", what, since)
		}
	}
	if r.ContentLength > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		s.complain("%s: a body that is not said to be JSON", what)
	}
	if strings.HasPrefix(r.Header.Get("User-Agent"), "Go-http-client") {
		s.complain("%s: does not say who asks", what)
	}
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

const (
	defaultPage = 30
	maxPage     = 50
)

// page cuts a page out of a list, as Gitea does, and sets the header with the total.
func page[T any](w http.ResponseWriter, r *http.Request, list []T) []T {
	number := max(1, atoi(r.FormValue("page")))
	size := atoi(r.FormValue("limit"))
	if size <= 0 {
		size = defaultPage
	}
	size = min(size, maxPage)
	w.Header().Set("X-Total-Count", strconv.Itoa(len(list)))
	from := min((number-1)*size, len(list))
	return list[from:min(from+size, len(list))]
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
