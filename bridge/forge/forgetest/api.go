package forgetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"
)

// call is one request to the API, inside the server's lock.
type call struct {
	s *Server
	w http.ResponseWriter
	r *http.Request
	u *user // who asks, or nil
}

func (c *call) fail(status int, message string) { refuse(c.w, status, message) }
func (c *call) notFound()                       { c.fail(http.StatusNotFound, "not found") }

// repo finds the request's repository, or answers that there is none, or where it is now.
func (c *call) repo() *repo {
	owner, name := c.r.PathValue("owner"), c.r.PathValue("repo")
	r, err := c.s.repo(owner, name)
	switch moved := c.s.hub.moved[strings.ToLower(owner+"/"+name)]; {
	case err == nil && c.s.mayRead(r, c.u):
		return r
	case err != nil && moved != nil && !moved.deleted:
		c.redirect(http.StatusMovedPermanently, owner+"/"+name, moved.owner+"/"+moved.name)
	default:
		c.notFound()
	}
	return nil
}

// redirect leads to the same place under another name.
func (c *call) redirect(status int, old, now string) {
	to := apiPrefix + strings.Replace(c.r.URL.EscapedPath(), old, now, 1)
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	http.Redirect(c.w, c.r, to, status)
}

// person finds whom the request is about, or answers that there is nobody of that login,
// or how they are called now.
func (c *call) person() *user {
	login := c.r.PathValue("login")
	u, err := c.s.user(login)
	if err == nil {
		return u
	}
	if renamed := c.s.renamed[strings.ToLower(login)]; renamed != nil {
		c.redirect(http.StatusTemporaryRedirect, login, renamed.Login)
	} else {
		c.notFound()
	}
	return nil
}

func (c *call) issue() *issue     { return issueOf(c, c.r) }
func (c *call) comment() *comment { return commentOf(c, c.r) }

// finder is a request of either protocol. It answers itself where something is not there.
type finder interface {
	repo() *repo
	notFound()
}

func issueOf(c finder, req *http.Request) *issue {
	r := c.repo()
	if r == nil {
		return nil
	}
	n := atoi(req.PathValue("n"))
	if n < 1 || n > len(r.issues) {
		c.notFound()
		return nil
	}
	return r.issues[n-1]
}

func commentOf(c finder, req *http.Request) *comment {
	r := c.repo()
	if r == nil {
		return nil
	}
	found := r.comment(int64(atoi(req.PathValue("id"))))
	if found == nil {
		c.notFound()
	}
	return found
}

// body reads a JSON body and checks that somebody is signed in.
func (c *call) body(v any) bool {
	if c.u == nil {
		c.fail(http.StatusUnauthorized, "token is required")
		return false
	}
	if err := json.NewDecoder(c.r.Body).Decode(v); err != nil {
		c.fail(http.StatusUnprocessableEntity, err.Error())
		return false
	}
	return true
}

// since reads the query's since, or answers that it is no time.
func (c *call) since() (time.Time, bool) {
	t, err := sinceOf(c.r)
	if err != nil {
		c.fail(http.StatusUnprocessableEntity, err.Error())
	}
	return t, err == nil
}

// api has the routes, without the prefix.
func (s *Server) api() *http.ServeMux {
	mux := http.NewServeMux()
	route := func(pattern string, do func(c *call)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			u, _ := s.whoAsks(r)
			do(&call{s: s, w: w, r: r, u: u})
		})
	}
	route("GET /version", func(c *call) { answer(c.w, http.StatusOK, map[string]string{"version": "1.26.0"}) })
	route("GET /user", getSelf)
	route("GET /users/search", searchUsers)
	route("GET /orgs/{org}", getOrg)
	route("GET /orgs/{org}/members/{login}", getMember)
	route("GET /orgs/{org}/teams", listTeams)
	route("GET /teams/{id}/members/{login}", getTeamMember)
	route("GET /orgs/{org}/public_members/{login}", func(c *call) { c.notFound() }) // nobody shows it
	route("GET /repos/issues/search", searchIssues)
	route("GET /repos/{owner}/{repo}", of((*call).repo, getRepo))
	route("GET /repos/{owner}/{repo}/commits", of((*call).repo, listCommits))
	route("GET /repos/{owner}/{repo}/branches/{branch...}", of((*call).repo, getGiteaBranch))
	route("GET /repos/{owner}/{repo}/pulls/{n}", of((*call).issue, getPull))
	route("GET /repos/{owner}/{repo}/issues", of((*call).repo, listIssues))
	route("POST /repos/{owner}/{repo}/issues", of((*call).repo, createIssue))
	route("PATCH /repos/{owner}/{repo}/issues/{n}", of((*call).issue, editIssue))
	route("GET /repos/{owner}/{repo}/issues/comments", of((*call).repo, listRepoComments))
	route("GET /repos/{owner}/{repo}/issues/{n}/comments", of((*call).issue, listComments))
	route("POST /repos/{owner}/{repo}/issues/{n}/comments", of((*call).repo, createComment))
	route("PATCH /repos/{owner}/{repo}/issues/comments/{id}", of((*call).comment, editComment))
	route("POST /repos/{owner}/{repo}/issues/comments/{id}/reactions", of((*call).comment, react))
	route("GET /repos/{owner}/{repo}/issues/{n}/timeline", of((*call).issue, timeline))
	route("POST /repos/{owner}/{repo}/statuses/{commit}", of((*call).repo, setStatus))
	route("GET /repos/{owner}/{repo}/commits/{commit}/statuses", of((*call).repo, listStatuses))
	return mux
}

func getSelf(c *call) {
	if c.u == nil {
		c.fail(http.StatusUnauthorized, "token is required")
		return
	}
	answer(c.w, http.StatusOK, asUser(c.u))
}

func getOrg(c *call) {
	o := c.s.orgs[strings.ToLower(c.r.PathValue("org"))]
	if o == nil {
		c.notFound()
		return
	}
	answer(c.w, http.StatusOK, asOrg(o))
}

// getMember tells only members who is one; others are sent to the public members.
func getMember(c *call) {
	orgName := c.r.PathValue("org")
	if c.s.orgs[strings.ToLower(orgName)] == nil {
		c.notFound()
		return
	}
	asked := c.person()
	if asked == nil {
		return
	}
	switch {
	case c.u != nil && c.s.member(orgName, c.u.Login) != "":
		if c.s.member(orgName, asked.Login) == "" {
			c.notFound()
			return
		}
		c.w.WriteHeader(http.StatusNoContent)
	case c.u == asked:
		c.notFound()
	default:
		c.w.Header().Set("Location", apiPrefix+"/orgs/"+orgName+"/public_members/"+asked.Login)
		c.w.WriteHeader(http.StatusSeeOther)
	}
}

// searchIssues lists issues of all repositories, the newest first.
func searchIssues(c *call) {
	since, ok := c.since()
	if !ok {
		return
	}
	owner, kind, state := c.r.FormValue("owner"), c.r.FormValue("type"), c.r.FormValue("state")
	if _, err := c.s.user(owner); owner != "" && err != nil {
		c.fail(http.StatusBadRequest, "user does not exist")
		return
	}
	var found []*issue
	for _, r := range c.s.repos {
		if owner != "" && !strings.EqualFold(owner, r.owner) {
			continue
		}
		for _, i := range r.issues {
			isKind := kind == "" || (kind == "pulls") == (i.pull != nil)
			isState := state == "all" || (state == "closed") == !i.open
			if isKind && isState && !i.updated.Before(since) && c.s.isIndexed(i) {
				found = append(found, i)
			}
		}
	}
	slices.SortFunc(found, func(a, b *issue) int {
		return cmp.Or(b.created.Compare(a.created), cmp.Compare(b.id, a.id))
	})
	c.list(found)
}

func getRepo(c *call, r *repo) {
	out := c.s.asRepo(r)
	if c.u != nil { // else nothing is said about what may be done
		out.Permissions = &sdk.Permission{Push: c.s.mayWrite(r, c.u), Pull: true}
	}
	answer(c.w, http.StatusOK, out)
}

func getPull(c *call, i *issue) {
	if i.pull == nil {
		c.notFound()
	} else {
		answer(c.w, http.StatusOK, c.s.asPull(i))
	}
}

// listRepoComments filters by the time of the last change, inclusive, and sorts by the
// time of creation.
func listRepoComments(c *call, r *repo) {
	since, ok := c.since()
	if !ok {
		return
	}
	c.comments(page(c.w, c.r, r.changedSince(since)))
}

// listComments has no pages, as in Gitea.
func listComments(c *call, i *issue) {
	c.comments(i.comments)
}

// listStatuses gives the newest second first, and within a second no certain order:
// here the oldest first, which is the unkind one.
func listStatuses(c *call, r *repo) {
	var found []*status
	for _, st := range r.statuses {
		if st.commit == c.r.PathValue("commit") {
			found = append(found, st)
		}
	}
	slices.SortStableFunc(found, func(a, b *status) int { return b.created.Compare(a.created) })
	c.statuses(page(c.w, c.r, found))
}
