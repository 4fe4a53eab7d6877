package forgetest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// most of GitHub's lists that may be asked for at once.
const maxGitHubPage = 100

// apiVersion is the one that we speak.
const apiVersion = "2022-11-28"

// scoldGitHub complains about what a good client does not do.
func (s *Server) scoldGitHub(r *http.Request, route string, by caller) {
	what := r.Method + " " + r.URL.Path
	query := r.URL.Query()
	complain := func(when bool, how string) {
		if when {
			s.complain("%s: %s", what, how)
		}
	}
	complain(route == "", "no such route")
	complain(by.token == "", "without a token")
	complain(r.UserAgent() == "" || strings.HasPrefix(r.UserAgent(), "Go-http-client"), "does not say who asks")
	accept := r.Header.Get("Accept")
	complain(!strings.Contains(accept, "application/vnd.github") && !strings.Contains(accept, "application/json"), "does not say which answers it understands")
	complain(r.Header.Get("X-GitHub-Api-Version") != apiVersion, "does not say which version of the API it speaks")
	for name, values := range query {
		for _, v := range values {
			complain(s.tokens[v] != nil || s.hub.grants[v] != nil || strings.Contains(name, "token"), "a secret in the query")
		}
	}
	size, err := strconv.Atoi(query.Get("per_page"))
	if query.Has("per_page") && (err != nil || size < 1 || size > maxGitHubPage) {
		s.complain("%s: asks for %s a page, but %d is the most", what, query.Get("per_page"), maxGitHubPage)
	}
	if since := query.Get("since"); since != "" {
		if _, err := time.Parse(time.RFC3339, since); err != nil {
			s.complain("%s: since=%q is no time", what, since)
		}
	}
	complain(r.ContentLength > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"), "a body that is not said to be JSON")
	// Whoever was on the way when the other was told to wait could not know it.
	if a := s.account(by.account()); by.token != "" && s.exact().Before(a.until) && s.exact().Sub(a.told) > 100*time.Millisecond && route != "GET /rate_limit" {
		s.complain("%s: asks again %s after it was told to wait until %s", what, s.exact().Sub(a.told).Round(time.Millisecond), a.until.Format(time.TimeOnly))
	}
}

// scoldWrites complains about writes at the same time and, unless the server was told to
// let them pass, less than a second apart.
func (s *Server) scoldWrites(r *http.Request, a *account) {
	what := r.Method + " " + r.URL.Path
	if a.writing > 0 {
		s.complain("%s: writes while another write is not answered yet", what)
	}
	now := s.exact()
	// A second between requests is a little less between their arrivals.
	if apart := now.Sub(a.lastWrite); !s.hurry && apart >= 0 && apart < 950*time.Millisecond {
		s.complain("%s: writes %s after the last write, but a second should pass", what, apart.Round(time.Millisecond))
	}
	a.lastWrite = now
}
