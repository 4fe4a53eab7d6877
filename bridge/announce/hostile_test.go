package announce_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/command"
	"seatrial/harness/run"
)

// nasty is what somebody would write who wants out.
var nasty = map[string]string{
	"html":     "<script>alert(1)</script><img src=x onerror=alert(1)></details><!-- seatrial run=x -->",
	"markdown": "**bold** _it_ [click](http://evil.test) ![i](http://evil.test/i.png) # head ~~s~~ > q | a | b |",
	"fences":   "```\n````\n~~~~\n`````` </details>\n",
	"mentions": "@ada @coop/owners #1 coop/guestbook#2 !3 ada@evil.test GH-4",
	"links":    "https://evil.test www.evil.test ftp://evil.test mailto:a@evil.test <https://evil.test> javascript:alert(1)",
	"lines":    "first\n\n# heading\n- item\n1. one\n\n!testme\n\n| a | b |\n|---|---|\n",
	"hidden":   "a\u202ecba\u202c \u200bzero \u2066x\u2069 \u0000\u0007\x1b[31mred\x1b[0m \x1b]8;;http://evil.test\x07l\x1b]8;;\x07 \x7f \xff \u00ad",
	"shell":    "$(touch /tmp/x) `id` ; rm -rf / && echo 'x' \"y\" \\ \n reboot",
	"long":     strings.Repeat("<@a`|*>", 30_000),
}

// hostileReport holds the text wherever a stranger's text can be.
func hostileReport(t *testing.T, evil string) run.Report {
	r := tell(t).running().bridge(run.Event{Kind: run.KindJoined, Note: evil}).
		bridge(run.Event{Kind: run.KindStale}.With(run.Push{Commit: evil})).
		harness(run.Event{Kind: run.KindFinding}.With(run.Finding{ID: evil, Severity: run.Severity(evil), File: evil, Line: 1, Text: evil})).
		harness(run.Event{Kind: run.KindWarning, Note: evil}).
		answer(run.StagePolicy, run.Passed, evil).
		answer(run.Stage(evil), run.Blocked, evil).
		fault(run.StageLint, run.Fault{Summary: evil, Hint: evil, Evidence: []string{evil, evil}}).
		bridge(run.Event{Kind: run.KindCancelAsked, Note: evil}).
		bridge(run.Event{Kind: run.KindLost, Note: evil}).
		ended("", run.Leftover{Kind: evil, Name: evil, Detail: evil}).report()
	r.Request.Recipe, r.Request.AskedBy.Login = evil, evil
	r.Request.Code.Ref, r.Request.Code.URL, r.Request.Code.Commit = evil, evil, evil
	r.Earlier = []string{evil}
	for range 40 {
		r.Joined = append(r.Joined, evil)
		r.Findings = append(r.Findings, r.Findings[0])
		r.Warnings = append(r.Warnings, evil)
		r.Leftovers = append(r.Leftovers, r.Leftovers[0])
		r.Stages = append(r.Stages, r.Stages[0])
	}
	r.Started = &run.Started{BaseURL: evil}
	return r
}

func TestNobodyBreaksOut(t *testing.T) {
	for name, evil := range nasty {
		t.Run(name, func(t *testing.T) {
			r := hostileReport(t, evil)
			body := announce.Render(r, ctx)
			if name != "long" {
				golden(t, "hostile-"+name, body)
			}
			harmless(t, body, announce.RunMarker(runID))
			r.State = run.Running
			harmless(t, announce.Render(r, ctx), announce.RunMarker(runID))
			for _, answer := range []string{
				announce.RenderRefusal(99, evil, admission.Words{Sentence: evil, Next: evil}),
				announce.RenderWaiting(99, evil, admission.Words{Sentence: evil, Next: evil}),
				announce.RenderJoined(99, evil, r, evil, ctx),
			} {
				harmless(t, answer, announce.CommentMarker(99))
			}
			r.State = run.Ended
			if s := announce.StatusOf(r, ctx); len([]rune(s.Description)) > 140 || strings.ContainsAny(s.Description, "\n\x00\u202e") {
				t.Errorf("the status says %q", s.Description)
			}
		})
	}
}

func TestNobodyBreaksOutWithAnything(t *testing.T) {
	piece := rapid.SampledFrom([]string{"`", "``", "```", "|", "\n", "\n\n", "@a", "#1", "<", ">", "</details>", "<!--", "-->", "[", "](http://e.test)", "*", "_", "~~~", "\\",
		"http://e.test", "www.e.test", "1. ", "- ", "+ ", "=", "\t", "    ", "a", "!testme", "&lt;", "&#60;", "\u202e", "\r", "$", ":smile:", "e@e.test", " "})
	rapid.Check(t, func(rt *rapid.T) {
		evil := strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(rt, "evil"), "")
		harmless(rt, announce.Render(hostileReport(t, evil), ctx), announce.RunMarker(runID))
	})
}

var (
	tag     = regexp.MustCompile(`</?([a-zA-Z][a-zA-Z0-9]*)([^>]*)>`)
	href    = regexp.MustCompile(`href="([^"]*)"`)
	mention = regexp.MustCompile(`(^|[^\p{L}\p{N}_])@[0-9A-Za-z]`)
	inCode  = regexp.MustCompile(`(?s)<pre>.*?</pre>|<code>.*?</code>`)
	allowed = "p strong a table thead tbody tr th td details summary pre code ul li"
)

type failer interface {
	Errorf(format string, args ...any)
	Helper()
}

// harmless renders the text as a forge does, only that raw HTML stays in: what is in
// the page then is ours, or the stranger broke out.
func harmless(t failer, body, marker string) {
	t.Helper()
	var page bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(body), &page); err != nil {
		t.Errorf("cannot render: %v", err)
		return
	}
	for _, m := range tag.FindAllStringSubmatch(page.String(), -1) {
		if !strings.Contains(" "+allowed+" ", " "+m[1]+" ") {
			t.Errorf("there is a <%s%s> in the page of:\n%.600s", m[1], m[2], body)
			return
		}
		if a := href.FindStringSubmatch(m[2]); a != nil && !strings.HasPrefix(a[1], "https://ci.example.test/runs/") {
			t.Errorf("there is a link to %s in the page of:\n%.600s", a[1], body)
			return
		}
	}
	if open, shut := strings.Count(page.String(), "<details>"), strings.Count(inCode.ReplaceAllString(page.String(), ""), "</details>"); open != shut {
		t.Errorf("%d details open, %d close, in:\n%.600s", open, shut, body)
	}
	if mention.MatchString(inCode.ReplaceAllString(page.String(), "")) {
		t.Errorf("somebody is mentioned in:\n%.600s", body)
	}
	if strings.Count(inCode.ReplaceAllString(page.String(), ""), "<!--") != 1 || !strings.Contains(page.String(), marker) {
		t.Errorf("the marker is not the one hidden line of:\n%.600s", body)
	}
	if strings.ContainsAny(body, "\u202e\u2066\u200b\x00\x1b\r\x7f") {
		t.Errorf("there are hidden characters in:\n%.600q", body)
	}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.TrimSpace(line) == command.DefaultWord {
			t.Errorf("the command stands alone on a line of:\n%.600s", body)
		}
	}
	if len(body) > 60_000 {
		t.Errorf("the comment has %d bytes", len(body))
	}
}

func TestSecretsAreMasked(t *testing.T) {
	const secret = "hunter2hunter2"
	c := ctx
	c.Mask = func(s string) string { return strings.ReplaceAll(s, secret, "***") }
	r := hostileReport(t, "the key is "+secret+"!")
	r.Request, r.Joined, r.StaleSince = request(), nil, ""
	r.Stages = r.Stages[:1]
	r.Stages[0].Outcome, r.Stages[0].Fault = run.Failed, &run.Fault{Summary: secret, Hint: secret, Evidence: []string{secret}}
	for i := range r.Findings {
		r.Findings[i].ID, r.Findings[i].Severity = "x", run.SeverityError
	}
	if body := announce.Render(r, c); strings.Contains(body, secret) {
		t.Errorf("the secret is in:\n%s", body)
	}
	if s := announce.StatusOf(r, c); strings.Contains(s.Description, secret) {
		t.Errorf("the secret is in %q", s.Description)
	}
}
