package forgetest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	needs "seatrial/internal/must"
)

// What the fake answers is held against what the real GitHub was recorded to answer:
// each field that the fake has must be in a recording, with the same JSON type.

// recording is the folder of an npm package with recordings.
func recording(t *testing.T, name string) string {
	t.Helper()
	found, _ := filepath.Glob(octokit + name + "-*/package.json")
	needs.Have(t, "octokit", len(found) == 1, "GitHub's recorded answers are not in .cache/octokit: dev/prepare test fetches them")
	return filepath.Dir(found[0])
}

// exchange is one request of a scenario and its answer.
type exchange struct {
	Method, Path string
	Status       int
	Response     any
	Headers      map[string]any
}

func scenario(t *testing.T, name string) []exchange {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(recording(t, "fixtures"), "scenarios/api.github.com", name, "normalized-fixture.json"))
	must(t, err)
	return decode[[]exchange](t, text)
}

// webhooks are all recorded payloads of an event.
func webhooks(t *testing.T, event string) []any {
	t.Helper()
	recording(t, webhookExamples)
	all, err := readWebhooks()
	must(t, err)
	return all[event]
}

const (
	octokit         = "../../../.cache/octokit/"
	webhookExamples = "webhooks-examples"
)

// readWebhooks reads the payloads once: they are megabytes, and asked for by each event.
var readWebhooks = sync.OnceValues(func() (map[string][]any, error) {
	files, err := filepath.Glob(octokit + webhookExamples + "-*/*/index.json")
	all := map[string][]any{}
	for _, file := range files {
		var events []struct {
			Name     string
			Examples []any
		}
		text, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr, json.Unmarshal(text, &events))
		for _, e := range events {
			all[e.Name] = append(all[e.Name], e.Examples...)
		}
	}
	return all, err
})

func decode[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	must(t, json.Unmarshal(text, &v))
	return v
}

// within picks a part of each value by a path of fields; elements of lists count one by one.
func within(values []any, path ...string) []any {
	for _, name := range path {
		var inner []any
		for _, v := range values {
			if o, ok := v.(map[string]any); ok {
				v = o[name]
			}
			if list, ok := v.([]any); ok {
				inner = append(inner, list...)
			} else if v != nil {
				inner = append(inner, v)
			}
		}
		values = inner
	}
	return values
}

// shapes gathers the JSON types of all fields of the values, by path.
func shapes(values []any) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if all[path] == nil {
			all[path] = map[string]bool{}
		}
		switch v := v.(type) {
		case map[string]any:
			all[path]["object"] = true
			for name, inner := range v {
				walk(path+"."+name, inner)
			}
		case []any:
			all[path]["list"] = true
			for _, inner := range v {
				walk(path+"[]", inner)
			}
		default:
			all[path][fmt.Sprintf("%T", v)] = true
		}
	}
	for _, v := range values {
		walk("", v)
	}
	return all
}

// later are fields that GitHub's documentation has, but no recording: by the end of the
// path, or with all that they hold.
var later = []string{
	".status", // of a refusal
	".state_reason", ".issue.pull_request", ".base.repo.permissions",
}

// compare lists what the fake has and no recording has, or has as another type.
func compare(fake any, recorded []any) (fields int, wrong []string) {
	want := shapes(recorded)
	for path, types := range shapes([]any{fake}) {
		fields++
		known := want[path]
		if known == nil {
			if !slices.ContainsFunc(later, func(s string) bool {
				return strings.HasSuffix(path, s) || strings.Contains(path, s+".") || strings.Contains(path, s+"[")
			}) {
				wrong = append(wrong, path+" is in no recording")
			}
			continue
		}
		for kind := range types {
			// What was always null or always there in a recording may be the other elsewhere.
			if !known[kind] && kind != "<nil>" && !(len(known) == 1 && known["<nil>"]) {
				wrong = append(wrong, fmt.Sprintf("%s is %s, recorded as %v", path, kind, slices.Sorted(maps.Keys(known))))
			}
		}
	}
	slices.Sort(wrong)
	return fields, wrong
}

// table prints what was compared.
type table struct {
	*testing.T
	rows [][3]string
}

func (tab *table) hold(what string, fake any, recorded []any) {
	tab.Helper()
	if len(recorded) == 0 {
		tab.Errorf("%s: there is no recording", what)
		return
	}
	fields, wrong := compare(fake, recorded)
	for _, w := range wrong {
		tab.Errorf("%s: %s", what, w)
	}
	tab.rows = append(tab.rows, [3]string{what, fmt.Sprint(fields), fmt.Sprint(len(recorded))})
}

func (tab *table) print() {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "compared\tfields\trecordings")
	for _, row := range tab.rows {
		fmt.Fprintln(w, strings.Join(row[:], "\t"))
	}
	w.Flush()
	tab.Log("\n" + out.String())
}

func (g *github) any(token, method, path, body string) any {
	g.Helper()
	return decode[any](g.T, []byte(g.ask(token, method, path, body).body))
}

func TestGitHubAnswersHaveTheRecordedShapes(t *testing.T) {
	g := newGitHub(t)
	tab := &table{T: t}
	defer tab.print()
	var hooked []any
	for _, event := range []string{"issue_comment", "pull_request", "check_run", "installation", "push", "merge_group"} {
		hooked = append(hooked, webhooks(t, event)...)
	}
	answers := func(name string, i int) []any { return []any{scenario(t, name)[i].Response} }

	_, err := g.Comment(g.repo, g.pull, "bob", "!testme")
	must(t, err)
	tab.hold("repository", g.any(g.token, "GET", "/repos/coop/app", ""), answers("get-repository", 0))
	tab.hold("organisation", g.any(g.token, "GET", "/orgs/coop", ""), answers("get-organization", 0))
	tab.hold("user", g.any(g.token, "GET", "/user", ""), within(hooked, "sender"))
	tab.hold("pull request", g.any(g.token, "GET", "/repos/coop/app/pulls/1", ""), within(hooked, "pull_request"))
	comments := g.any(g.token, "GET", "/repos/coop/app/issues/comments", "").([]any)
	tab.hold("comment", comments[0], within(hooked, "comment"))
	issue := g.any(g.token, "POST", "/repos/coop/app/issues", `{"title":"a question","body":"why?"}`)
	tab.hold("issue", issue, append(answers("add-labels-to-issue", 0), each(answers("paginate-issues", 0))...))
	status := g.any(g.token, "POST", "/repos/coop/app/statuses/"+g.head, `{"state":"success","context":"seatrial","description":"fine","target_url":"http://localhost"}`)
	tab.hold("status", status, answers("create-status", 0))
	listed := g.any(g.token, "GET", "/repos/coop/app/commits/"+g.head+"/statuses", "").([]any)
	tab.hold("status in a list", listed[0], each(answers("create-status", 2)))
	tab.hold("refusal of what is sent", g.any(g.token, "POST", "/repos/coop/app/issues", `{}`), append(answers("errors", 0), map[string]any{"errors": []any{map[string]any{"message": ""}}}))

	a, err := g.AddApp("seatrial")
	must(t, err)
	_, err = g.InstallApp(a.ID, "coop")
	must(t, err)
	own := g.jwt(a, 9*60e9)
	token := decode[struct{ Token string }](t, []byte(g.ask(own, "POST", "/app/installations/1/access_tokens", "").body)).Token
	check := g.any(token, "POST", "/repos/coop/app/check-runs", `{"name":"seatrial","head_sha":"`+g.head+`","conclusion":"success","output":{"title":"fine","summary":"all of it"}}`)
	tab.hold("check run", check, within(hooked, "check_run"))
	tab.hold("installation", g.any(own, "GET", "/orgs/coop/installation", ""), within(hooked, "installation"))

	moved := scenario(t, "rename-repository")
	_, err = g.RenameRepo(g.repo, "coop", "boat")
	must(t, err)
	for i, method := range map[int]string{1: "GET", 3: "PATCH"} {
		path := "/repos/coop/app"
		if method == "PATCH" {
			path += "/issues/1"
		}
		got := g.ask(g.token, method, path, "")
		tab.hold("moved, "+method, decode[any](t, []byte(got.body)), []any{moved[i].Response})
		if got.status != moved[i].Status || strings.Contains(fmt.Sprint(moved[i].Headers["location"]), "/repositories/") != strings.Contains(got.header.Get("Location"), "/repositories/") {
			t.Errorf("moved, %s: %d to %q, recorded %d to %v", method, got.status, got.header.Get("Location"), moved[i].Status, moved[i].Headers["location"])
		}
	}
}

func TestGitHubPagesAsRecorded(t *testing.T) {
	g := newGitHub(t)
	for i := range 12 {
		_, err := g.AddIssue(g.repo, "alice", fmt.Sprint("question ", i))
		must(t, err)
	}
	path := "/repos/coop/app/issues?per_page=3"
	for n, e := range scenario(t, "paginate-issues") {
		got := g.get(path)
		recorded, _ := e.Headers["link"].(string)
		want, have := pagesOf(recorded), pagesOf(got.header.Get("Link"))
		if !slices.Equal(want, have) || !strings.Contains(got.header.Get("Link"), "/repositories/") {
			t.Errorf("page %d: the Link header says %v, recorded %v", n+1, have, want)
		}
		if n, m := len(read[[]any](t, got)), len(e.Response.([]any)); n != m {
			t.Errorf("page of %d, recorded %d", n, m)
		}
		for name := range e.Headers {
			if ours := http.CanonicalHeaderKey(name); strings.HasPrefix(ours, "X-Ratelimit") || ours == "Etag" || ours == "X-Github-Media-Type" || ours == "Content-Type" {
				if got.header.Get(ours) == "" {
					t.Errorf("page %d has no %s", n+1, ours)
				}
			}
		}
		path = fmt.Sprintf("/repositories/1/issues?per_page=3&page=%d", n+2)
	}
}

// pagesOf are the relations of a Link header with their pages.
func pagesOf(link string) (found []string) {
	for part := range strings.SplitSeq(link, ", ") {
		address, rel, _ := strings.Cut(part, "; ")
		for field := range strings.FieldsFuncSeq(address, func(r rune) bool { return r == '?' || r == '&' || r == '<' || r == '>' }) {
			if page, ok := strings.CutPrefix(field, "page="); ok {
				found = append(found, rel+" "+page)
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestGitHubWebhooksHaveTheRecordedShapes(t *testing.T) {
	g := newForge(t, forgetest.GitHub)
	tab := &table{T: t}
	defer tab.print()
	l := listen(t)
	g.SyncHooks(true)
	must(t, g.AddHook(g.repo, l.URL, "x"))
	second, err := g.OpenPull(forgetest.NewPull{Repo: g.repo, Author: "bob", Title: "Another", Branch: "other", Dir: g.dir})
	must(t, err)
	_, _, err = g.MergeGroup(g.repo, second)
	must(t, err)
	talk(t, g.Server, forge.Repo{Forge: g.ID(), Owner: "coop", Name: "app"}, g.pull, g.dir)
	words, all := l.took()
	seen := map[string]bool{}
	for i, h := range all {
		if seen[words[i]] {
			continue
		}
		seen[words[i]] = true
		event, _, _ := strings.Cut(words[i], " ")
		tab.hold("webhook "+words[i], h.payload, webhooks(t, event))
	}
	if len(seen) < 8 {
		t.Errorf("only %q were compared", words)
	}
}

// each takes lists apart.
func each(lists []any) (all []any) {
	for _, l := range lists {
		all = append(all, l.([]any)...)
	}
	return all
}
