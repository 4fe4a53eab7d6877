package forgetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object.
type object = map[string]any

// ghCall is one request to GitHub's API, inside the server's lock.
type ghCall struct {
	s  *Server
	w  http.ResponseWriter
	r  *http.Request
	by caller
}

func (c *ghCall) answer(status int, v any)        { answer(c.w, status, v) }
func (c *ghCall) fail(status int, message string) { refuseGitHub(c.w, status, message) }
func (c *ghCall) notFound()                       { c.fail(http.StatusNotFound, "Not Found") }
func (c *ghCall) path(name string) string         { return c.r.PathValue(name) }
func (c *ghCall) api(format string, a ...any) string {
	return c.s.URL() + c.s.prefix() + fmt.Sprintf(format, a...)
}

// withheld answers that the token may not do this.
func (c *ghCall) withheld() {
	if c.by.grant != nil || c.by.app != nil {
		c.fail(http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	c.fail(http.StatusForbidden, "Resource not accessible by personal access token")
}

// invalid answers that what was sent is not acceptable.
func (c *ghCall) invalid(resource, field, code, message string) {
	c.answer(http.StatusUnprocessableEntity, object{
		"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest", "status": "422",
		"errors": []object{{"resource": resource, "field": field, "code": code, "message": message}},
	})
}

// repo finds the request's repository, or answers that there is none.
func (c *ghCall) repo() *repo {
	r, err := c.s.repo(c.path("owner"), c.path("repo"))
	if err != nil || !c.s.sees(c.by, r) {
		c.notFound()
		return nil
	}
	return r
}

func (c *ghCall) issue() *issue     { return issueOf(c, c.r) }
func (c *ghCall) comment() *comment { return commentOf(c, c.r) }

// signedIn says whether a user or an installation asks, or answers that it must.
func (c *ghCall) signedIn() bool {
	if c.by.user == nil {
		c.fail(http.StatusUnauthorized, "Requires authentication")
		return false
	}
	return true
}

// body reads a JSON body.
func (c *ghCall) body(v any) bool {
	err := json.NewDecoder(c.r.Body).Decode(v)
	if err != nil && err != io.EOF {
		c.fail(http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	return true
}

// may says whether the caller has a permission in a repository; a user has it by push access.
func (c *ghCall) may(r *repo, permission string) bool {
	if c.by.grant != nil {
		return c.by.grant.allows(r, permission, "write")
	}
	return c.s.mayWrite(r, c.by.user)
}

// mayTalk says whether the caller may comment and react: any user, and an App with leave to.
func (c *ghCall) mayTalk(r *repo) bool {
	return c.by.grant == nil || c.may(r, "issues") || c.may(r, "pull_requests")
}

// since reads the query's since, or answers that it is no time.
func (c *ghCall) since() (time.Time, bool) {
	t, err := sinceOf(c.r)
	if err != nil {
		c.invalid("", "since", "invalid", "since is no time")
	}
	return t, err == nil
}

// ghPage cuts a page out of a list, and sets the Link header, by the repository's number
// where there is one, as GitHub does.
func ghPage[T any](c *ghCall, list []T) []T {
	from, size := c.pageLinks(len(list))
	return list[from:min(from+size, len(list))]
}

// pageLinks sets the Link header for a list of a length, and says where the page begins
// and how long it is at most.
func (c *ghCall) pageLinks(length int) (from, size int) {
	number := max(1, atoi(c.r.FormValue("page")))
	size = min(cmp.Or(max(0, atoi(c.r.FormValue("per_page"))), defaultPage), maxGitHubPage)
	last := (length + size - 1) / size
	link := func(n int, rel string) string {
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		return fmt.Sprintf(`<%s?%s>; rel="%s"`, c.api("%s", c.numberedPath()), q.Encode(), rel)
	}
	var links []string
	if number > 1 {
		links = append(links, link(min(number-1, max(1, last)), "prev"))
	}
	if number < last {
		links = append(links, link(number+1, "next"), link(last, "last"))
	}
	if number > 1 {
		links = append(links, link(1, "first"))
	}
	if len(links) > 0 {
		c.w.Header().Set("Link", strings.Join(links, ", "))
	}
	return min((number-1)*size, length), size
}

// numberedPath is the request's path with the repository's number for its name.
func (c *ghCall) numberedPath() string {
	r, err := c.s.repo(c.path("owner"), c.path("repo"))
	parts := strings.SplitN(c.r.URL.Path, "/", 5)
	if err != nil || len(parts) < 5 {
		return c.r.URL.Path
	}
	return fmt.Sprintf("/repositories/%d/%s", r.id, parts[4])
}
