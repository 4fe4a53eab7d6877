package api_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"seatrial/bridge/admission"
	answers "seatrial/bridge/answer"
	"seatrial/bridge/api"
	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/bridge/ledger"
	"seatrial/bridge/token"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/secrets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	commit = "1111111111111111111111111111111111111111"
	made   = run.ID("01k9zq3v8e2m4n6p8r0t2v4x6y")
)

var guestbook = forge.Repo{Forge: "gitea", Owner: "coop", Name: "guestbook"}

// lab is a service, and a bridge that answers as it is told.
type lab struct {
	*api.Service
	t         *testing.T
	asked     []answers.Ask
	answer    answers.Answer
	err       error
	decide    func(ctx context.Context) error // takes its time; nil: err is there at once
	trusted   map[string]bool
	api, hook string // tokens
	log       bytes.Buffer
	now       time.Time
}

func (l *lab) Ask(ctx context.Context, a answers.Ask) (answers.Answer, error) {
	l.asked = append(l.asked, a)
	if l.decide != nil {
		return l.answer, l.decide(ctx)
	}
	return l.answer, l.err
}

func (l *lab) Trusts(_ context.Context, _ forge.Repo, who forge.Person) bool {
	return l.trusted[who.Login]
}
func (l *lab) Enrolled(r forge.Repo) bool { return r == guestbook }

func (l *lab) Report(_ context.Context, id run.ID) (run.Report, error) {
	if id != made {
		return run.Report{}, journal.ErrUnknownRun
	}
	return run.Fold([]run.Event{run.Event{Run: made, Source: run.Bridge, Seq: 1, At: l.now, Kind: run.KindRequested}.With(run.Request{
		ID: made, Recipe: "guestbook", AskedAt: l.now, Code: run.Code{Forge: "gitea", Repo: "coop/guestbook", Pull: 7, Ref: "refs/pull/7/head", Commit: commit},
	})})
}

func newLab(t *testing.T, change ...func(*api.Config)) *lab {
	t.Helper()
	book := token.Open(filepath.Join(t.TempDir(), "tokens.json"))
	api, err := book.Add(token.Token{Name: "ci", Kind: token.API, Repos: []string{"coop/*"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := book.Add(token.Token{Name: "hook/gitea/coop/guestbook", Kind: token.Hook, Repos: []string{"coop/guestbook"}, Forge: "gitea"}, false)
	if err != nil {
		t.Fatal(err)
	}
	l := labWith(t, book, change...)
	l.api, l.hook = api, hooks
	return l
}

func labWith(t *testing.T, tokens api.Tokens, change ...func(*api.Config)) *lab {
	t.Helper()
	l := &lab{t: t, answer: answers.Answer{Run: made}, trusted: map[string]bool{"ada": true}, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	c := api.Config{
		Bridge: l, Tokens: tokens, Runs: l, PublicURL: "https://ci.test/", Now: func() time.Time { return l.now },
		Forges: []hook.Forge{{ID: "gitea", Kind: hook.Gitea}, {ID: "hub", Kind: hook.GitHub}},
		Log:    slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	if l.Service, err = api.New(c); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	l.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if !l.Owns(r) {
		l.t.Errorf("%s is not owned", target)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	for _, secret := range []string{l.api, l.hook} {
		if secret != "" && (strings.Contains(l.log.String(), secret) || strings.Contains(w.Body.String(), secret)) {
			l.t.Errorf("the token shows: %s %s", l.log.String(), w.Body)
		}
	}
	if strings.Contains(l.log.String(), "token=seatrial") || strings.Contains(l.log.String(), "flavor=") {
		l.t.Errorf("the query is logged: %s", l.log.String())
	}
	return w
}

func (l *lab) request(body string) *httptest.ResponseRecorder {
	l.t.Helper()
	return l.do(http.MethodPost, "/api/v1/run", body, "Authorization", "Bearer "+l.api)
}

type problem struct {
	Type, Title, Detail, Next, Reason string
	Status                            int
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, reason, says string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("no problem: %d %s %s", w.Code, w.Header(), w.Body)
	}
	if w.Code != status || p.Status != status || p.Reason != reason || p.Next == "" || p.Title == "" || p.Type == "" || !strings.Contains(p.Detail+" "+p.Next, says) {
		t.Errorf("got %d %+v; want %d %s, saying %q", w.Code, p, status, reason, says)
	}
}

func TestARequestBecomesARun(t *testing.T) {
	l := newLab(t)
	w := l.request(`{"repo": "coop/guestbook", "pull": 7, "commit": "` + commit + `", "needs": ["kvm"], "flavor": "arm", "key": "k1"}`)
	var got api.Accepted
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusAccepted {
		t.Fatal(w.Code, w.Body, err)
	}
	if want := (api.Accepted{Run: made, URL: "https://ci.test/runs/" + string(made)}); got != want || w.Header().Get("Location") != "/api/v1/run/"+string(made) {
		t.Errorf("got %+v at %q", got, w.Header().Get("Location"))
	}
	want := []answers.Ask{{Key: "api ci k1", Repo: guestbook, Pull: 7, Commit: commit, By: run.Person{Login: "token ci"}, Vouched: true, Via: run.ViaAPI,
		Needs: []string{"kvm"}, Flavor: "arm", Secrets: true}}
	if d := cmp.Diff(want, l.asked); d != "" {
		t.Error(d)
	}
	l.answer.Joined = true
	if w := l.request(`{"repo": "coop/guestbook"}`); w.Code != http.StatusAccepted || !strings.Contains(w.Body.String(), `"joined": true`) {
		t.Errorf("joined: %d %s", w.Code, w.Body)
	}
}

func TestBadRequestsAreNamed(t *testing.T) {
	l := newLab(t)
	for body, says := range map[string]string{
		``:      "not a JSON object",
		`[]`:    "not a JSON object",
		`{"re`:  "not a JSON object",
		`{} {}`: "more than one",
		`{}`:    "repo is missing",
		`{"repo": "coop/guestbook", "branche": "main"}`: `unknown field "branche"; known are repo, forge, pull`,
		`{"repo": 7}`: "repo must be text",
		`{"repo": "coop/guestbook", "pull": "7"}`:                                 "pull must be a whole number",
		`{"repo": "coop/guestbook", "needs": "kvm"}`:                              "needs must be a list of texts",
		`{"repo": "guestbook"}`:                                                   "write owner/name",
		`{"repo": "coop/a/b"}`:                                                    "write owner/name",
		`{"repo": "coop/guest book"}`:                                             "write owner/name",
		`{"repo": "coop/guestbook", "pull": -1}`:                                  "number of a pull request",
		`{"repo": "coop/guestbook", "pull": 7, "branch": "main"}`:                 "leave one out",
		`{"repo": "coop/guestbook", "branch": "a\u0000b"}`:                        "name of a branch",
		`{"repo": "coop/guestbook", "commit": "1111"}`:                            "a whole hash",
		`{"repo": "coop/guestbook", "flavor": "a b"}`:                             "flavor is not a label",
		`{"repo": "coop/guestbook", "needs": ["a", "$(id)"]}`:                     "not a capability",
		`{"repo": "coop/guestbook", "key": "a b"}`:                                "without spaces",
		`{"repo": "coop/guestbook", "forge": "nowhere"}`:                          `no forge "nowhere"`,
		`{"repo": "coop/guestbook", "forge": "` + strings.Repeat("x", 300) + `"}`: "…",
	} {
		wantProblem(t, l.request(body), http.StatusUnprocessableEntity, "bad-wish", says)
	}
	if len(l.asked) != 0 {
		t.Errorf("the bridge was asked: %+v", l.asked)
	}
}

func TestWhoIsNotLetIn(t *testing.T) {
	l := newLab(t)
	const body = `{"repo": "coop/guestbook"}`
	for _, auth := range []string{"", "Bearer", "Basic " + l.api, "Bearer x", "Bearer " + l.hook} {
		w := l.do(http.MethodPost, "/api/v1/run", body, "Authorization", auth)
		reason := "no-token"
		if strings.HasPrefix(auth, "Bearer ") {
			reason = "unknown-token"
		}
		wantProblem(t, w, http.StatusUnauthorized, reason, "seatrial token new")
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Error("401 without WWW-Authenticate")
		}
	}
	wantProblem(t, l.request(`{"repo": "other/guestbook"}`), http.StatusForbidden, "not-this-repository", "seatrial token list")
	wantProblem(t, l.do(http.MethodGet, "/api/v1/run", ""), http.StatusMethodNotAllowed, "wrong-method", "POST")
	wantProblem(t, l.do(http.MethodPost, "/api/v1/run", body, "Authorization", "Bearer "+l.api, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType, "wrong-type", "application/json")
	wantProblem(t, l.request(`{"repo": "`+strings.Repeat("x", 70_000)+`"}`), http.StatusRequestEntityTooLarge, "too-big", "64 KiB")
	if len(l.asked) != 0 {
		t.Errorf("the bridge was asked: %+v", l.asked)
	}
	for range 80 { // whoever guesses is not read for a while
		l.do(http.MethodPost, "/api/v1/run", body, "Authorization", "Bearer guess")
	}
	w := l.request(body)
	wantProblem(t, w, http.StatusTooManyRequests, "too-many-failures", "Retry-After")
	if w.Header().Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	l.now = l.now.Add(time.Minute)
	if w := l.request(body); w.Code != http.StatusAccepted {
		t.Errorf("a minute later: %d %s", w.Code, w.Body)
	}
}

func TestATokenMayAskOnceASecond(t *testing.T) {
	l := newLab(t)
	for range 60 {
		if w := l.request(`{"repo": "coop/guestbook"}`); w.Code != http.StatusAccepted {
			t.Fatal(w.Code, w.Body)
		}
	}
	wantProblem(t, l.request(`{"repo": "coop/guestbook"}`), http.StatusTooManyRequests, "too-often", "Retry-After")
	l.now = l.now.Add(time.Second)
	if w := l.request(`{"repo": "coop/guestbook"}`); w.Code != http.StatusAccepted {
		t.Error(w.Code, w.Body)
	}
}

func TestRefusalsAndErrorsHaveAStatus(t *testing.T) {
	for reason, status := range map[admission.Reason]int{
		admission.NotEnrolled: 404, admission.PullRequestGone: 404, admission.BranchGone: 404, admission.NotAMember: 403, admission.NotPermitted: 403, admission.Draft: 403, admission.TooMany: 429,
		admission.HeadMoved: 409, admission.NotTheHead: 409, admission.Closed: 409, admission.NeedsUnmet: 409, admission.CannotIsolate: 409, admission.CannotDispatch: 409,
	} {
		l := newLab(t)
		l.answer = answers.Answer{Refusal: &answers.Refusal{Reason: reason, Sentence: "No.", Next: "Do it."}}
		wantProblem(t, l.request(`{"repo": "coop/guestbook"}`), status, string(reason), "No. Do it.")
	}
	for _, c := range []struct {
		err    error
		status int
		reason string
	}{
		{ledger.ErrAskedOtherwise, 422, "key-reused"}, {answers.ErrNotReady, 503, "away"}, {errors.New("502"), 503, "away"},
	} {
		l := newLab(t)
		l.err = c.err
		w := l.request(`{"repo": "coop/guestbook"}`)
		wantProblem(t, w, c.status, c.reason, "")
		if c.status == 503 && w.Header().Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
}

// oneConn is a listener with a single connection.
type oneConn chan net.Conn

func (c oneConn) Accept() (net.Conn, error) {
	conn, ok := <-c
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (c oneConn) Close() error   { return nil }
func (c oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func TestADecisionMayTakeLongerThanTheBody(t *testing.T) {
	l := newLab(t)
	body := `{"repo": "coop/guestbook"}`
	text := "POST /api/v1/run HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer " + l.api + "\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\nConnection: close\r\n\r\n" + body
	synctest.Test(t, func(t *testing.T) {
		l.decide = func(ctx context.Context) error {
			time.Sleep(time.Minute) // of the test's clock
			return ctx.Err()
		}
		conns := make(oneConn, 1)
		mine, its := net.Pipe()
		conns <- its
		close(conns)
		server := http.Server{Handler: l}
		go server.Serve(conns)
		go io.WriteString(mine, text)
		resp, err := http.ReadResponse(bufio.NewReader(mine), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusAccepted {
			t.Error(resp.Status)
		}
		mine.Close()
	})
}

func TestARunCanBeWaitedFor(t *testing.T) {
	l := newLab(t)
	w := l.do(http.MethodGet, "/api/v1/run/"+strings.ToUpper(string(made)), "")
	var got api.Outcome
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body, err)
	}
	want := api.Outcome{Run: made, URL: "https://ci.test/runs/" + string(made), Recipe: "guestbook", Repo: "coop/guestbook", Pull: 7, Ref: "refs/pull/7/head",
		Commit: commit, State: "waiting", Word: "waiting", Verdict: "pending", MaxLevel: run.MaxLevel, Asked: l.now, Stages: []api.Stage{}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	wantProblem(t, l.do(http.MethodGet, "/api/v1/run/x", ""), http.StatusNotFound, "no-such-run", "")
	wantProblem(t, l.do(http.MethodGet, "/api/v1/run/01k9zq5v8e2m4n6p8r0t2v4x6z", ""), http.StatusNotFound, "no-such-run", "")
	wantProblem(t, l.do(http.MethodDelete, "/api/v1/run/"+string(made), ""), http.StatusMethodNotAllowed, "wrong-method", "")
}

const (
	opened = `{"action":"opened","number":7,"pull_request":{"head":{"ref":"change","sha":"` + commit + `"},"base":{"ref":"main"}},"repository":{"full_name":"coop/guestbook","default_branch":"main"},"sender":{"id":5,"login":"ada"}}`
	pushed = `{"ref":"refs/heads/main","after":"` + commit + `","repository":{"full_name":"coop/guestbook","default_branch":"main"},"sender":{"id":9,"login":"eve"}}`
)

func (l *lab) post(target, event, body string, headers ...string) *httptest.ResponseRecorder {
	l.t.Helper()
	l.asked = nil
	return l.do(http.MethodPost, target, body, append([]string{"X-Gitea-Event", event, "X-Gitea-Delivery", "d1"}, headers...)...)
}

func TestARepositorysHookStartsARun(t *testing.T) {
	l := newLab(t)
	base := "/hook?token=" + l.hook
	ask := answers.Ask{Key: "hook hook/gitea/coop/guestbook d1", Repo: guestbook, Pull: 7, Commit: commit, By: run.Person{ID: 5, Login: "ada"}, Vouched: true, Via: run.ViaHook, Secrets: true}
	push := answers.Ask{Key: "hook hook/gitea/coop/guestbook d1", Repo: guestbook, Branch: "main", Commit: commit, By: run.Person{ID: 9, Login: "eve"}, Vouched: true, Via: run.ViaHook}
	reopened, flavoured := ask, ask
	reopened.Secrets = false // whoever opens a stranger's again does not speak for its code
	flavoured.Flavor, flavoured.Needs = "arm", []string{"kvm", "large"}
	for _, c := range []struct {
		name, target, event, body string
		want                      answers.Ask
	}{
		{"opened", base, "pull_request", opened, ask},
		{"synchronized", base, "pull_request", strings.Replace(opened, "opened", "synchronized", 1), ask},
		{"reopened", base, "pull_request", strings.Replace(opened, "opened", "reopened", 1), reopened},
		{"a push by a stranger", base, "push", pushed, push},
		{"flavor and hints", base + "&flavor=arm&hints=kvm+large", "pull_request", opened, flavoured},
		{"hints in the path", "/hook/kvm+large?flavor=arm&token=" + l.hook, "pull_request", opened, flavoured},
		{"hints, encoded", base + "&flavor=arm&hints=kvm%2Blarge", "pull_request", opened, flavoured},
	} {
		w := l.post(c.target, c.event, c.body)
		if w.Code != http.StatusAccepted || w.Body.String() != string(made) || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %q", c.name, w.Code, w.Body)
		}
		if d := cmp.Diff([]answers.Ask{c.want}, l.asked, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if w := l.post(base, "push", pushed, "Accept", "application/json"); !strings.Contains(w.Body.String(), `"run": "`+string(made)+`"`) {
		t.Errorf("as JSON: %s", w.Body)
	}
	other := strings.Replace(pushed, "refs/heads/main", "refs/heads/release/1.x", 1)
	if w := l.post(base+"&branches=main+release/*", "push", other); w.Code != http.StatusAccepted || l.asked[0].Branch != "release/1.x" {
		t.Errorf("a branch that was named: %d %s %+v", w.Code, w.Body, l.asked)
	}
}

func TestHooksFromWhichNothingFollows(t *testing.T) {
	l := newLab(t)
	base := "/hook?token=" + l.hook
	for _, c := range [][3]string{
		{"pull_request", strings.Replace(opened, "opened", "closed", 1), "runs begin when"},
		{"pull_request", strings.Replace(opened, "opened", "labeled", 1), "labeled"},
		{"push", strings.Replace(pushed, "refs/heads/main", "refs/heads/other", 1), `pushes to "other"`},
		{"push", strings.Replace(pushed, "refs/heads/main", "refs/tags/v1", 1), "default branch"},
		{"push", strings.Replace(pushed, commit, strings.Repeat("0", 40), 1), "gone"},
		{"watch", pushed, "not read"},
		{"ping", `{"zen":"x","repository":{"full_name":"coop/guestbook"}}`, "the hook works"},
	} {
		if w := l.post(base, c[0], c[1]); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Nothing follows: ") || !strings.Contains(w.Body.String(), c[2]) || len(l.asked) != 0 {
			t.Errorf("%s: %d %s, asked %+v", c[0], w.Code, w.Body, l.asked)
		}
	}
}

func TestBadHooks(t *testing.T) {
	l := newLab(t)
	base := "/hook?token=" + l.hook
	for name, c := range map[string]struct {
		target, event, body string
		headers             []string
		status              int
		says                string
	}{
		"no token":          {"/hook", "push", pushed, nil, 401, "seatrial token hook"},
		"a wrong token":     {"/hook?token=x", "push", pushed, nil, 401, "not known"},
		"an API token":      {"/hook?token=" + l.api, "push", pushed, nil, 401, "not known"},
		"another's":         {base, "push", strings.Replace(pushed, "coop/guestbook", "coop/wiki", 1), nil, 404, "seatrial token hook coop/wiki"},
		"no event":          {base, "", pushed, nil, 400, "X-Gitea-Event"},
		"truncated":         {base, "push", pushed[:50], nil, 400, "not a whole JSON object"},
		"too big":           {base, "push", strings.Repeat(" ", 2<<20), nil, 413, "1024 KiB"},
		"a form":            {base, "push", "payload=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
		"a bad hint":        {base + "&hints=a+$(id)", "push", pushed, nil, 422, "not a capability"},
		"a bad flavor":      {base + "&flavor=a%20b", "push", pushed, nil, 422, "not a label"},
		"a bad glob":        {base + "&branches=[", "push", pushed, nil, 422, "globs"},
		"a forge's own":     {"/hook/hub?token=" + l.hook, "push", pushed, nil, 404, "seatrial webhook secret --forge hub"},
		"the wrong address": {base, "", pushed, []string{"X-Github-Event", "push"}, 400, "X-Gitea-Event"},
	} {
		if w := l.post(c.target, c.event, c.body, c.headers...); w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || len(l.asked) != 0 {
			t.Errorf("%s: %d %s, asked %+v; want %d saying %q", name, w.Code, w.Body, l.asked, c.status, c.says)
		}
	}
	if w := l.do(http.MethodGet, base, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d", w.Code)
	}
	l.answer = answers.Answer{Refusal: &answers.Refusal{Reason: admission.NeedsUnmet, Sentence: "No machine.", Next: "Offer it."}}
	if w := l.post(base, "push", pushed); w.Code != http.StatusForbidden || w.Body.String() != "No machine. Offer it.\n" {
		t.Errorf("no node: %d %s", w.Code, w.Body)
	}
}

func TestASignatureThatIsThereMustBeRight(t *testing.T) {
	l := newLab(t, func(c *api.Config) {
		c.Forges[0].Secrets = func() []secrets.Value { return []secrets.Value{secrets.New("the-secret")} }
	})
	sign := func(secret string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		io.WriteString(mac, pushed)
		return hex.EncodeToString(mac.Sum(nil))
	}
	base := "/hook?token=" + l.hook
	for signature, status := range map[string]int{"": 202, sign("the-secret"): 202, sign("another"): 401, "abc": 401} {
		var headers []string
		if signature != "" {
			headers = []string{"X-Gitea-Signature", signature}
		}
		if w := l.post(base, "push", pushed, headers...); w.Code != status {
			t.Errorf("signed %q: %d %s, want %d", signature, w.Code, w.Body, status)
		}
	}
}

func TestRealGiteasPayloadsAreRead(t *testing.T) {
	files, err := filepath.Glob("../hook/testdata/gitea/pu*.json")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Repository struct {
				FullName string `json:"full_name"`
			}
		}
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		l := newLab(t, func(c *api.Config) { c.Tokens = one{p.Repository.FullName} })
		event, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		if w := l.post("/hook?token=t", event, string(body)); w.Code != http.StatusAccepted && w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", file, w.Code, w.Body)
		}
	}
}

// one is a single token for a repository.
type one struct{ repo string }

func (o one) Find(kind token.Kind, secret string) (token.Token, bool, error) {
	return token.Token{Name: "hook", Kind: kind, Repos: []string{o.repo}, Forge: "gitea"}, secret == "t", nil
}
