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
	"GET /user/memberships/orgs/{org}":   getOwnMembership,
	"GET /users/{login}":                 getGitHubUser,
	"GET /users/{owner}/installation":    getInstallation,
	"GET /orgs/{owner}/installation":     getInstallation,
	"GET /app":                           getApp,
	"GET /app/installations":             listInstallations,
	"GET /app/installations/{id}":        getInstallationByID,
	"GET /installation/repositories":     listInstallationRepos,
	"GET /orgs/{org}":                    getGitHubOrg,
	"GET /orgs/{org}/members/{login}":    getGitHubMember,
	"GET /orgs/{org}/teams/{team}":       getTeam,
	"GET /repos/{owner}/{repo}":          getGitHubRepo,
	"GET /repos/{owner}/{repo}/activity": listActivity,
	"GET /repos/{owner}/{repo}/branches": listBranches,
	"GET /repos/{owner}/{repo}/commits":  listGitHubCommits,
	"GET /repos/{owner}/{repo}/issues":   listGitHubIssues,

	"GET /orgs/{org}/public_members/{login}":                     (*ghCall).notFound, // nobody shows it
	"GET /orgs/{org}/teams/{team}/memberships/{login}":           getTeamMembership,
	"POST /app/installations/{id}/access_tokens":                 createInstallationToken,
	"GET /repos/{owner}/{repo}/installation":                     getInstallation,
	"GET /repos/{owner}/{repo}/branches/{branch...}":             getBranch,
	"GET /repos/{owner}/{repo}/collaborators/{login}/permission": getPermission,
	"GET /repos/{owner}/{repo}/commits/{commit}":                 getCommit,
	"GET /repos/{owner}/{repo}/commits/{commit}/statuses":        listGitHubStatuses,
	"GET /repos/{owner}/{repo}/commits/{commit}/check-runs":      listCheckRuns,
	"POST /repos/{owner}/{repo}/check-runs":                      createCheckRun,
	"GET /repos/{owner}/{repo}/check-runs/{id}":                  getCheckRun,
	"PATCH /repos/{owner}/{repo}/check-runs/{id}":                updateCheckRun,
	"GET /repos/{owner}/{repo}/check-runs/{id}/annotations":      listAnnotations,
	"POST /repos/{owner}/{repo}/statuses/{commit}":               createStatus,
	"GET /repos/{owner}/{repo}/pulls/{n}":                        getGitHubPull,
	"POST /repos/{owner}/{repo}/issues":                          createGitHubIssue,
	"GET /repos/{owner}/{repo}/issues/{n}":                       getGitHubIssue,
	"PATCH /repos/{owner}/{repo}/issues/{n}":                     editGitHubIssue,
	"GET /repos/{owner}/{repo}/issues/{n}/comments":              listGitHubComments,
	"POST /repos/{owner}/{repo}/issues/{n}/comments":             createGitHubComment,
	"GET /repos/{owner}/{repo}/issues/{n}/timeline":              listGitHubTimeline,
	"GET /repos/{owner}/{repo}/issues/comments":                  listGitHubRepoComments,
	"PATCH /repos/{owner}/{repo}/issues/comments/{id}":           editGitHubComment,
	"GET /repos/{owner}/{repo}/issues/comments/{id}/reactions":   listReactions,
	"POST /repos/{owner}/{repo}/issues/comments/{id}/reactions":  createReaction,
}
