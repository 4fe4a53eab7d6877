package forgetest

import "net/http"

// githubAPI has the routes, without the prefix.
func (s *Server) githubAPI() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, do := range githubRoutes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			by, _ := s.identify(r)
			do(&ghCall{s: s, w: w, r: r, by: by})
		})
	}
	return mux
}

var githubRoutes = map[string]func(*ghCall){
	"GET /{$}":                           func(c *ghCall) { c.answer(http.StatusOK, object{"current_user_url": c.api("/user")}) },
	"GET /meta":                          func(c *ghCall) { c.answer(http.StatusOK, object{"installed_version": "3.19.0"}) },
	"GET /rate_limit":                    getRateLimit,
	"GET /user":                          getGitHubSelf,
	"GET /user/memberships/orgs/{org}":   of((*ghCall).org, getOwnMembership),
	"GET /users/{login}":                 getGitHubUser,
	"GET /users/{owner}/installation":    getInstallation,
	"GET /orgs/{owner}/installation":     getInstallation,
	"GET /app":                           getApp,
	"GET /app/installations":             listInstallations,
	"GET /app/installations/{id}":        of((*ghCall).own, getInstallationByID),
	"GET /installation/repositories":     listInstallationRepos,
	"GET /orgs/{org}":                    of((*ghCall).org, getGitHubOrg),
	"GET /orgs/{org}/members/{login}":    of((*ghCall).org, getGitHubMember),
	"GET /orgs/{org}/teams/{team}":       getTeam,
	"GET /repos/{owner}/{repo}":          getGitHubRepo,
	"GET /repos/{owner}/{repo}/activity": listActivity,
	"GET /repos/{owner}/{repo}/branches": of((*ghCall).repo, listBranches),
	"GET /repos/{owner}/{repo}/commits":  of((*ghCall).repo, listGitHubCommits),
	"GET /repos/{owner}/{repo}/issues":   of((*ghCall).repo, listGitHubIssues),

	"GET /orgs/{org}/public_members/{login}":                     (*ghCall).notFound, // nobody shows it
	"GET /orgs/{org}/teams/{team}/memberships/{login}":           getTeamMembership,
	"POST /app/installations/{id}/access_tokens":                 of((*ghCall).own, createInstallationToken),
	"GET /repos/{owner}/{repo}/installation":                     getInstallation,
	"GET /repos/{owner}/{repo}/branches/{branch...}":             of((*ghCall).repo, getBranch),
	"GET /repos/{owner}/{repo}/collaborators/{login}/permission": of((*ghCall).repo, getPermission),
	"GET /repos/{owner}/{repo}/commits/{commit}":                 of((*ghCall).repo, getCommit),
	"GET /repos/{owner}/{repo}/commits/{commit}/statuses":        of((*ghCall).repo, listGitHubStatuses),
	"GET /repos/{owner}/{repo}/commits/{commit}/check-runs":      of((*ghCall).repo, listCheckRuns),
	"POST /repos/{owner}/{repo}/check-runs":                      of((*ghCall).repo, createCheckRun),
	"GET /repos/{owner}/{repo}/check-runs/{id}":                  of((*ghCall).repo, getCheckRun),
	"PATCH /repos/{owner}/{repo}/check-runs/{id}":                of((*ghCall).repo, updateCheckRun),
	"GET /repos/{owner}/{repo}/check-runs/{id}/annotations":      of((*ghCall).repo, listAnnotations),
	"POST /repos/{owner}/{repo}/statuses/{commit}":               of((*ghCall).repo, createStatus),
	"GET /repos/{owner}/{repo}/pulls/{n}":                        of((*ghCall).issue, getGitHubPull),
	"POST /repos/{owner}/{repo}/issues":                          of((*ghCall).repo, createGitHubIssue),
	"GET /repos/{owner}/{repo}/issues/{n}":                       of((*ghCall).issue, getGitHubIssue),
	"PATCH /repos/{owner}/{repo}/issues/{n}":                     of((*ghCall).issue, editGitHubIssue),
	"GET /repos/{owner}/{repo}/issues/{n}/comments":              of((*ghCall).issue, listGitHubComments),
	"POST /repos/{owner}/{repo}/issues/{n}/comments":             of((*ghCall).issue, createGitHubComment),
	"GET /repos/{owner}/{repo}/issues/{n}/timeline":              of((*ghCall).issue, listGitHubTimeline),
	"GET /repos/{owner}/{repo}/issues/comments":                  of((*ghCall).repo, listGitHubRepoComments),
	"PATCH /repos/{owner}/{repo}/issues/comments/{id}":           of((*ghCall).comment, editGitHubComment),
	"GET /repos/{owner}/{repo}/issues/comments/{id}/reactions":   of((*ghCall).comment, listReactions),
	"POST /repos/{owner}/{repo}/issues/comments/{id}/reactions":  of((*ghCall).comment, createReaction),
}
