package check_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app"
	"seatrial/harness/check"
	"seatrial/harness/gateway"
	"seatrial/harness/run"
	"seatrial/recipes"
)

type execer struct {
	got    app.Command
	result app.Result
	err    error
}

func (e *execer) Exec(_ context.Context, c app.Command) (app.Result, error) {
	e.got = c
	return e.result, e.err
}

func newApp(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kind", "page; version=2")
		fmt.Fprint(w, "<h1>Guestbook</h1>\n\x1b[31mred\u202e\n")
	})
	mux.HandleFunc("GET /json", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"token":"t0k","count":2,"big":12345678901,"items":[{"id":7,"name":"x"},{"id":8,"name":"y"}],"none":null}`)
	})
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no database", 500) })
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err == nil && len(r.PostForm) > 0 {
			fmt.Fprintf(w, "form %s", r.PostForm.Encode())
			return
		}
		b := make([]byte, 1000)
		n, _ := r.Body.Read(b)
		fmt.Fprintf(w, "%s %s %s", r.Header.Get("Content-Type"), r.Header.Get("Authorization"), b[:n])
	})
	mux.HandleFunc("GET /hop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/page", http.StatusFound) })
	mux.HandleFunc("GET /loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("GET /deep", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("[", 1<<20)) })
	mux.HandleFunc("GET /out", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
	})
	mux.HandleFunc("GET /reset", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func request(path string) *recipes.Request { return &recipes.Request{Path: path} }

func TestRun(t *testing.T) {
	server := newApp(t)
	for name, c := range map[string]struct {
		step  recipes.Step
		vars  map[string]string
		fault string // a piece of the summary; empty for none
		shows string // a piece of the evidence
	}{
		"a page":                    {step: recipes.Step{Request: request("/page"), Expect: recipes.Expect{Text: []string{"Guestbook"}, NotText: []string{"Error"}, Headers: map[string]string{"x-kind": "version=2"}}}},
		"a missing text":            {step: recipes.Step{Name: "front page", Request: request("/page"), Expect: recipes.Expect{Text: []string{"Welcome"}}}, fault: `GET /page: expected "Welcome"`, shows: "<h1>Guestbook</h1>"},
		"control characters":        {step: recipes.Step{Request: request("/page"), Expect: recipes.Expect{Status: 404}}, fault: "expected status 404, got 200", shows: "\uFFFD[31mred\uFFFD"},
		"an unwanted text":          {step: recipes.Step{Request: request("/page"), Expect: recipes.Expect{NotText: []string{"Guest"}}}, fault: "expected no"},
		"a missing header":          {step: recipes.Step{Request: request("/page"), Expect: recipes.Expect{Headers: map[string]string{"X-Other": ""}}}, fault: "expected the header X-Other"},
		"a server error":            {step: recipes.Step{Request: request("/broken")}, fault: "expected a status below 400, got 500", shows: "no database"},
		"an error that is right":    {step: recipes.Step{Request: request("/broken"), Expect: recipes.Expect{Status: 500}}},
		"json":                      {step: recipes.Step{Request: request("/json"), Expect: recipes.Expect{JSON: map[string]any{"$.count": 2, "$.items[*].name": "y", "$.items[0].id": uint64(7), "$.none": nil, "$.big": 12345678901}}}},
		"json that differs":         {step: recipes.Step{Request: request("/json"), Expect: recipes.Expect{JSON: map[string]any{"$.count": 3}}}, fault: "expected $.count to be 3, got 2"},
		"json that is missing":      {step: recipes.Step{Request: request("/json"), Expect: recipes.Expect{JSON: map[string]any{"$.nothing": 3}}}, fault: "there is nothing at that path"},
		"no json":                   {step: recipes.Step{Request: request("/page"), Expect: recipes.Expect{JSON: map[string]any{"$.count": 3}}}, fault: "expected JSON"},
		"a redirect":                {step: recipes.Step{Request: request("/hop"), Expect: recipes.Expect{Text: []string{"Guestbook"}}}},
		"a redirect elsewhere":      {step: recipes.Step{Request: request("/out"), Expect: recipes.Expect{Status: 302, Headers: map[string]string{"Location": "elsewhere"}}}},
		"a redirect that is wanted": {step: recipes.Step{Request: request("/hop"), Expect: recipes.Expect{Status: 302, Headers: map[string]string{"Location": "/page"}}}},
		"a redirect loop":           {step: recipes.Step{Request: request("/loop")}, fault: "GET /loop was not answered: it redirects more than 5 times"},
		"deep json":                 {step: recipes.Step{Request: request("/deep"), Expect: recipes.Expect{JSON: map[string]any{"$": 3}}}, fault: "expected JSON, and the answer is none"},
		"a reset":                   {step: recipes.Step{Request: request("/reset")}, fault: "GET /reset was not answered"},
		"another host":              {step: recipes.Step{Request: request("//elsewhere.example/")}, fault: "is not a path"},
		"an absolute address":       {step: recipes.Step{Request: request("http://elsewhere.example/")}, fault: "is not a path"},
		"json body":                 {step: recipes.Step{Request: &recipes.Request{Path: "/echo", JSON: map[string]any{"a": "${token}"}, Headers: map[string]string{"Authorization": "Bearer ${token}"}}, Expect: recipes.Expect{Text: []string{`application/json Bearer abc {"a":"abc"}`}}}, vars: map[string]string{"token": "abc"}},
		"form body":                 {step: recipes.Step{Request: &recipes.Request{Path: "/echo", Form: map[string]string{"a": "1 & 2"}}, Expect: recipes.Expect{Text: []string{"form a=1+%26+2"}}}},
		"a name nobody captured":    {step: recipes.Step{Request: request("/page/${token}")}, fault: "uses ${token}, which no earlier step captured"},
		"capture of nothing":        {step: recipes.Step{Request: request("/json"), Capture: map[string]string{"x": "$.nothing"}}, fault: "cannot capture x"},
	} {
		t.Run(name, func(t *testing.T) {
			runner := check.Runner{BaseURL: server.URL, Client: server.Client(), Exec: &execer{}}
			if c.vars == nil {
				c.vars = map[string]string{}
			}
			err := runner.Run(t.Context(), c.step, c.vars)
			var fault *run.Fault
			switch {
			case c.fault == "" && err != nil:
				t.Fatal(err)
			case c.fault == "":
			case !errors.As(err, &fault):
				t.Fatalf("no fault, but %v", err)
			case !strings.Contains(fault.Summary, c.fault):
				t.Fatalf("got %q", fault.Summary)
			case !strings.Contains(strings.Join(fault.Evidence, "\n"), c.shows):
				t.Fatalf("got %q", fault.Evidence)
			}
		})
	}
}

func TestCapture(t *testing.T) {
	server := newApp(t)
	vars := map[string]string{}
	step := recipes.Step{Request: request("/json"), Capture: map[string]string{"token": "$.token", "id": "$.items[1].id"}}
	if err := (&check.Runner{BaseURL: server.URL, Client: server.Client()}).Run(t.Context(), step, vars); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"token": "t0k", "id": "8"}, vars); diff != "" {
		t.Fatal(diff)
	}
}

func TestExec(t *testing.T) {
	e := &execer{result: app.Result{Output: "made user a@b\n"}}
	runner := check.Runner{Exec: e}
	step := recipes.Step{Exec: recipes.CommandLine{Args: []string{"./tool", "add", "${user}"}}, Expect: recipes.Expect{Text: []string{"made user ${user}"}}}
	if err := runner.Run(t.Context(), step, map[string]string{"user": "a@b"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"./tool", "add", "a@b"}, e.got.Args); diff != "" {
		t.Fatal(diff)
	}
	e.result = app.Result{ExitCode: 3, Output: "no such table"}
	var fault *run.Fault
	if err := runner.Run(t.Context(), step, map[string]string{"user": "x"}); !errors.As(err, &fault) || !strings.Contains(fault.Summary, "exit code 3") || fault.Evidence[0] != "no such table" {
		t.Fatalf("got %v", err)
	}
	line := recipes.Step{Exec: recipes.CommandLine{Shell: "echo ${user}"}}
	e.result = app.Result{}
	if err := runner.Run(t.Context(), line, map[string]string{"user": "$(reboot)"}); err != nil || e.got.Shell != "echo ${user}" {
		t.Fatalf("a captured value reached a shell line: %q, %v", e.got.Shell, err)
	}
	e.err = errors.New("the sandbox is gone")
	if err := runner.Run(t.Context(), step, map[string]string{"user": "x"}); !errors.Is(err, e.err) {
		t.Fatalf("our own error became %v", err)
	}
}

func TestTheGatewaysOwnAnswerIsNotTheApps(t *testing.T) {
	dead := func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }
	g, err := gateway.Listen(gateway.FreeLoopback, "gues-0a1b2c.ci.test", dead, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	runner := check.Runner{BaseURL: "http://gues-0a1b2c.ci.test", Client: g.Client()}
	var fault *run.Fault
	err = runner.Run(t.Context(), recipes.Step{Request: request("/page"), Expect: recipes.Expect{Status: 502}}, nil)
	if !errors.As(err, &fault) || !strings.Contains(fault.Summary, "GET /page was not answered") {
		t.Fatalf("got %v", err)
	}
}

type hanging struct{}

func (hanging) Exec(ctx context.Context, _ app.Command) (app.Result, error) {
	<-ctx.Done()
	return app.Result{}, ctx.Err()
}

func TestACommandThatHangsIsTheRecipesFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runner := check.Runner{Exec: hanging{}}
		step := recipes.Step{Exec: recipes.CommandLine{Args: []string{"./tool"}}}
		var fault *run.Fault
		if err := runner.Run(t.Context(), step, nil); !errors.As(err, &fault) || fault.Summary != "`./tool` did not end within 30s" {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := runner.Run(ctx, step, nil); errors.As(err, &fault) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a run that is out of time is blamed on the recipe: %v", err)
		}
	})
}

func TestACancelledStepIsNobodysFault(t *testing.T) {
	server := newApp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := (&check.Runner{BaseURL: server.URL, Client: server.Client()}).Run(ctx, recipes.Step{Request: request("/page")}, nil)
	var fault *run.Fault
	if err == nil || errors.As(err, &fault) {
		t.Fatalf("got %v", err)
	}
}
