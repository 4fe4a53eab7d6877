package lint

import (
	"context"
	"io"
	"net/http"
	"strings"

	"seatrial/harness/check"
	"seatrial/harness/run"
)

// enrolmentRules are about what the enrolment leaves open. None of it is wrong; it
// is what would make a verdict mean more.
func enrolmentRules() []rule {
	return []rule{
		{"no-health-path", run.SeverityWarning, noHealthPath},
		{"no-own-checks", run.SeverityNote, noOwnChecks},
		{"no-seed", run.SeverityNote, noSeed},
		{"blind-check", run.SeverityNote, blindCheck},
	}
}

func noHealthPath(r *recipe, say say) {
	if h := r.Enrolment.Health; (h.Path == "" || h.Path == "/") && h.Text == "" {
		say(r.enrolment, 0, "health.path is left at /, which many programs answer before they work: name a health page, or with health.text a word that the page must hold")
	}
}

func noOwnChecks(r *recipe, say say) {
	if len(r.Enrolment.Checks) == 0 {
		say(r.enrolment, 0, "there are no checks: the highest level without them is 3 of 5. Add steps under checks")
	}
}

func noSeed(r *recipe, say say) {
	if c := r.Enrolment.Canaries; len(c.Seed) == 0 || len(c.Expect) == 0 {
		say(r.enrolment, 0, "no data is put in through the app's own front door and found again: add steps under canaries.seed and canaries.expect")
	}
}

// blindCheck does each check that only reads against a bare page, without an app.
func blindCheck(r *recipe, say say) {
	bare := check.Runner{BaseURL: "http://bare.invalid", Client: &http.Client{Transport: barePage{}}}
	for _, step := range r.Enrolment.Checks {
		if step.Reads() && step.Request != nil && bare.Run(context.Background(), step, map[string]string{}) == nil {
			say(r.enrolment, 0, "the check %s holds for any page that answers with status 200: say in expect what only this app would answer", visible(step.Title()))
		}
	}
}

// barePage answers every request like a web server that was just installed.
type barePage struct{}

func (barePage) RoundTrip(q *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: q,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   io.NopCloser(strings.NewReader("<!doctype html>\n<html><head><title>Welcome</title></head><body></body></html>\n")),
	}, nil
}
