package forgetest

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"seatrial/bridge/forge"
)

//go:embed pages.html
var pagesHTML string

// pagePolicy lets a page load nothing but its own style and its one script.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pages for a person.
func (s *Server) web() http.Handler {
	templates := template.Must(template.New("").Funcs(template.FuncMap{
		"markdown": markdown,
		"short":    func(commit string) string { return commit[:min(10, len(commit))] },
		"link":     safeLink,
	}).Parse(pagesHTML))
	mux := http.NewServeMux()
	show := func(pattern, name string, data func(r *http.Request) (any, bool)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, ok := data(r)
			if !ok {
				http.NotFound(w, r)
				return
			}
			var out bytes.Buffer
			if err := templates.ExecuteTemplate(&out, name, v); err != nil {
				http.Error(w, "this page is broken: "+err.Error(), http.StatusInternalServerError)
				return
			}
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", pagePolicy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
			w.Write(out.Bytes())
		})
	}
	show("GET /{$}", "index", func(*http.Request) (any, bool) { return s.indexPage(), true })
	show("GET /{owner}/{repo}", "repo", s.repoPage)
	show("GET /{owner}/{repo}/pulls/{n}", "pull", s.pullPage)
	show("GET /{owner}/{repo}/pull/{n}", "pull", s.pullPage) // as GitHub has it
	show("GET /{owner}/{repo}/issues/{n}", "pull", s.pullPage)
	show("GET /{owner}/{repo}/pulls/{n}/thread", "thread", s.pullPage)
	mux.HandleFunc("POST /{owner}/{repo}/pulls/{n}/comments", s.postComment)
	mux.HandleFunc("GET /{owner}/{repo}/info/refs", s.gitInfo)
	mux.HandleFunc("POST /{owner}/{repo}/git-upload-pack", s.gitUpload)
	for path, asset := range map[string]struct{ kind, text string }{
		"GET /-/style.css": {"text/css; charset=utf-8", styleCSS},
		"GET /-/live.js":   {"text/javascript; charset=utf-8", liveJS},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", asset.kind)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			fmt.Fprint(w, asset.text)
		})
	}
	// Another site's page must not comment in somebody's name.
	return http.NewCrossOriginProtection().Handler(mux)
}

// safeLink keeps links that a browser may follow.
func safeLink(address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return address
}

type pullLine struct {
	Repo, Title, State, Author string
	Number                     int
	Updated                    time.Time
}

func (s *Server) line(i *issue) pullLine {
	return pullLine{Repo: i.repo.owner + "/" + i.repo.name, Title: i.title, State: stateWord(i), Author: i.author.Login, Number: i.number, Updated: i.updated}
}

func stateWord(i *issue) string {
	switch {
	case i.pull != nil && i.pull.merged:
		return "merged"
	case !i.open:
		return "closed"
	}
	return "open"
}

func (s *Server) indexPage() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	type repoLine struct {
		Name  string
		Pulls []pullLine
	}
	var out struct {
		Title string
		Repos []repoLine
	}
	out.Title = "Repositories"
	for _, r := range s.repos {
		line := repoLine{Name: r.owner + "/" + r.name}
		for _, i := range slices.Backward(r.issues) {
			if i.pull != nil && i.open {
				line.Pulls = append(line.Pulls, s.line(i))
			}
		}
		out.Repos = append(out.Repos, line)
	}
	slices.SortFunc(out.Repos, func(a, b repoLine) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (s *Server) repoPage(req *http.Request) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(req.PathValue("owner"), req.PathValue("repo"))
	if err != nil {
		return nil, false
	}
	var out struct {
		Title, Name, Clone, Branch string
		Tags                       []string
		Pulls                      []pullLine
	}
	out.Name = r.owner + "/" + r.name
	out.Title, out.Clone, out.Branch, out.Tags = out.Name, s.URL()+"/"+out.Name+".git", r.defaultBranch, r.tags()
	for _, i := range slices.Backward(r.issues) {
		if i.pull != nil {
			out.Pulls = append(out.Pulls, s.line(i))
		}
	}
	return out, true
}

type commentView struct {
	ID        int64
	Author    string
	Role      string
	Body      string
	Created   time.Time
	Edited    bool
	Reactions []string
}

type pullView struct {
	pullLine
	Title    string // of the page
	Heading  string
	Body     string
	Head     string
	Branch   string
	Base     string
	Word     string
	People   []personView
	Statuses []forge.Status
	Comments []commentView
}

type personView struct {
	Login, Role string
	Chosen      bool
}

func (s *Server) pullPage(r *http.Request) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.issue(r.PathValue("owner"), r.PathValue("repo"), atoi(r.PathValue("n")))
	if err != nil || i.pull == nil {
		return nil, false
	}
	v := pullView{pullLine: s.line(i), Heading: i.title, Body: i.body, Head: i.pull.head, Branch: i.pull.branch, Base: i.pull.base, Word: s.word}
	v.Title = fmt.Sprintf("%s · %s#%d", i.title, v.Repo, i.number)
	for _, u := range s.users {
		if !u.org {
			v.People = append(v.People, personView{Login: u.Login, Role: s.role(i.repo, u), Chosen: strings.EqualFold(u.Login, r.FormValue("as"))})
		}
	}
	slices.SortFunc(v.People, func(a, b personView) int {
		return strings.Compare(a.Role+" "+a.Login, b.Role+" "+b.Login)
	})
	if len(v.People) > 0 && !slices.ContainsFunc(v.People, func(p personView) bool { return p.Chosen }) {
		v.People[0].Chosen = true
	}
	seen := map[string]bool{}
	for _, st := range slices.Backward(i.repo.statuses) {
		if st.commit == i.pull.head && !seen[st.Context] {
			seen[st.Context] = true
			v.Statuses = append(v.Statuses, st.Status)
		}
	}
	for _, c := range i.comments {
		view := commentView{ID: c.id, Author: c.author.Login, Role: s.role(i.repo, c.author), Body: c.body, Created: c.created, Edited: !c.updated.Equal(c.created)}
		for _, reaction := range c.reactions {
			view.Reactions = append(view.Reactions, reaction.by.Login+": "+reaction.content)
		}
		v.Comments = append(v.Comments, view)
	}
	return v, true
}

func (s *Server) role(r *repo, u *user) string {
	if s.member(r.owner, u.Login) != "" {
		return "member"
	}
	return "stranger"
}

// postComment is the form: whoever opens the page may speak as anybody.
func (s *Server) postComment(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	at := forge.Repo{Forge: s.ID(), Owner: r.PathValue("owner"), Name: r.PathValue("repo")}
	n := atoi(r.PathValue("n"))
	body, as := strings.TrimSpace(r.PostFormValue("body")), r.PostFormValue("as")
	if body == "" {
		http.Error(w, "Write something first: the comment is empty.", http.StatusUnprocessableEntity)
		return
	}
	id, err := s.Comment(at, n, as, body)
	if err != nil {
		http.Error(w, "This comment could not be posted: "+err.Error(), http.StatusUnprocessableEntity)
		return
	}
	back := url.URL{Path: fmt.Sprintf("/%s/%s/pulls/%d", at.Owner, at.Name, n), RawQuery: url.Values{"as": {as}}.Encode(), Fragment: fmt.Sprintf("issuecomment-%d", id)}
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}
