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
	complain := s.scoldAnybody(r, route, by.token == "")
	query, accept := r.URL.Query(), r.Header.Get("Accept")
	complain(!strings.Contains(accept, "application/vnd.github") && !strings.Contains(accept, "application/json"), "does not say which answers it understands")
	complain(r.Header.Get("X-GitHub-Api-Version") != apiVersion, "does not say which version of the API it speaks")
	size, err := strconv.Atoi(query.Get("per_page"))
	complain(query.Has("per_page") && (err != nil || size < 1 || size > maxGitHubPage), "asks for %s a page, but %d is the most", query.Get("per_page"), maxGitHubPage)
	// Whoever was on the way when the other was told to wait could not know it.
	if a := s.account(by.account()); by.token != "" && s.exact().Before(a.until) && s.exact().Sub(a.told) > 100*time.Millisecond && route != "GET /rate_limit" {
		complain(true, "asks again %s after it was told to wait until %s", s.exact().Sub(a.told).Round(time.Millisecond), a.until.Format(time.TimeOnly))
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
