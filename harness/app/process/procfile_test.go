package process

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seatrial/harness/app"
)

func TestProcfile(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    procfile
		fault   string
	}{
		"web alone":         {content: "web: ./server", want: procfile{services: []procLine{{"web", "./server"}}}},
		"web comes first":   {content: "worker: w\nweb: s\n", want: procfile{services: []procLine{{"web", "s"}, {"worker", "w"}}}},
		"release":           {content: "release: migrate\nweb: s", want: procfile{services: []procLine{{"web", "s"}}, release: "migrate"}},
		"CRLF and comments": {content: "\ufeff# it\r\n\r\n  web :  s -a  \r\n# end", want: procfile{services: []procLine{{"web", "s -a"}}}},
		"colons":            {content: "web: s --listen :8080", want: procfile{services: []procLine{{"web", "s --listen :8080"}}}},
		"empty":             {content: "\n", fault: "the Procfile has no line for web"},
		"no web":            {content: "worker: w", fault: "no line for web"},
		"no command":        {content: "# one\nweb:", fault: "Procfile:2: web has no command"},
		"twice":             {content: "web: a\n\nweb: b", fault: "Procfile:3: web stands in line 1 already"},
		"no colon":          {content: "web ./server", fault: "Procfile:1: this is not a name, a colon and a command"},
		"odd name":          {content: "we b: ./server", fault: "Procfile:1: this is not"},
		"NUL":               {content: "web: a\x00b", fault: "Procfile:1: the line holds a NUL"},
		"too many":          {content: "web: a\n" + strings.Repeat("x", 1) + numbered(40), fault: "Procfile:33: there are more than 32 services"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseProcfile([]byte(c.content))
			if c.fault != "" {
				wantFault(t, err, c.fault)
				return
			}
			must(t, err)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(procfile{}, procLine{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("s", i+1) + ": run\n")
	}
	return b.String()
}

func TestProcfileBlamesTheRecipeForAnyContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := parseProcfile([]byte(rapid.String().Draw(t, "content")))
		if _, ok := err.(*app.Fault); err != nil && !ok {
			t.Fatalf("not a fault: %v", err)
		}
		if err == nil && (len(p.services) == 0 || p.services[0].name != mainService) {
			t.Fatalf("web is not first: %+v", p)
		}
	})
}

func TestShellLine(t *testing.T) {
	for line, want := range map[string]string{
		"./server -a 'b c'":  "exec ./server -a 'b c'",
		"server $PORT":       "exec server $PORT",
		"a && b":             "a && b",
		"a | b":              "a | b",
		"FOO=1 server":       "FOO=1 server",
		"cd x; ./server":     "cd x; ./server",
		"exec ./server":      "exec ./server",
		"server $(hostname)": "server $(hostname)",
		"export A=1":         "export A=1",
	} {
		if got := shellLine(line); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}
