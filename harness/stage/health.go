package stage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/pause"
	"seatrial/recipes"
)

// How the app is waited for.
const (
	firstPoll   = 10 * time.Millisecond // grows by half: small apps are up within moments, most within a second
	slowestPoll = 500 * time.Millisecond
	steadyPoll  = 500 * time.Millisecond
	answerLimit = 5 * time.Second // for one answer; an app that takes longer is not healthy yet
	beatEvery   = 5 * time.Second // people see that we wait
	bodyLimit   = 1 << 20
	tailLines   = 30
)

// awaitHealthy waits until the app answers as the enrolment says. A service that
// ends meanwhile fails at once: a crash loop must not hold the run for the whole timeout.
func (x *exam) awaitHealthy(ctx context.Context) error {
	health := x.Enrolment.Health
	began, told := time.Now(), time.Now()
	x.say("waiting until healthy")
	for poll := firstPoll; ; poll = min(poll*3/2, slowestPoll) {
		if err := x.alive(ctx); err != nil {
			return err
		}
		last := x.probe(ctx)
		if last.healthy {
			// It may have answered with its last breath.
			return x.alive(ctx)
		}
		if waited := time.Since(began); waited >= time.Duration(health.Timeout) {
			if last.untrusted != nil {
				return fmt.Errorf("cannot tell whether the app is healthy: %w", last.untrusted)
			}
			return x.notHealthy(fmt.Sprintf("not healthy after %s: %s%s", health.Timeout, last.text, x.astray()), last)
		}
		if time.Since(told) >= beatEvery {
			told = time.Now()
			x.wait("waiting until healthy (%s)", time.Since(began).Round(time.Second))
		}
		if err := pause.For(ctx, poll, nil); err != nil {
			return err
		}
	}
}

// awaitSteady watches a healthy app for a while: some come up, and end when their
// first real work fails.
func (x *exam) awaitSteady(ctx context.Context, since time.Time) error {
	steady := time.Duration(x.Enrolment.Health.Steady)
	x.say("watching that it stays up for %s", steady)
	bad := 0
	for time.Since(since) < steady {
		up := time.Since(since).Truncate(time.Second)
		if err := x.alive(ctx); err != nil {
			return after(fmt.Sprintf("came up, then ended after %s", up), err)
		}
		// One bad answer may be a hiccup of this machine.
		if last := x.probe(ctx); last.healthy {
			bad = 0
		} else if bad++; bad == 3 && ctx.Err() == nil {
			if last.untrusted != nil {
				return fmt.Errorf("cannot tell whether the app is healthy: %w", last.untrusted)
			}
			return x.notHealthy(fmt.Sprintf("came up, then was no longer healthy after %s: %s", up, last.text), last)
		}
		if err := pause.For(ctx, min(steadyPoll, max(steady-time.Since(since), time.Millisecond)), nil); err != nil {
			return err
		}
	}
	if err := x.alive(ctx); err != nil {
		return after(fmt.Sprintf("came up, then ended after %s", time.Since(since).Truncate(time.Second)), err)
	}
	return nil
}

func (x *exam) alive(ctx context.Context) error {
	return within(ctx, askLimit, "asking whether the app lives", x.App.Alive)
}

// astray says where the app listens instead, or nothing.
func (x *exam) astray() string {
	if l, ok := x.App.(app.Listener); ok {
		if where := l.Astray(); where != "" {
			return "; " + where
		}
	}
	return ""
}

func (x *exam) notHealthy(summary string, last probe) error {
	f := &run.Fault{Summary: summary, Hint: "health.path, health.status, health.text and health.timeout in the enrolment say what is waited for"}
	if last.body != "" {
		f.Evidence = append(f.Evidence, "The last answer began:", last.body)
	}
	if x.Tail != nil {
		if lines := x.Tail(tailLines); len(lines) > 0 {
			f.Evidence = append(append(f.Evidence, "The app's last lines:"), lines...)
		}
	}
	return f
}

// probe is one answer of the app to the question for its health.
type probe struct {
	healthy bool
	text    string // "last answer 502 Bad Gateway"
	body    string // how the answer began
	// untrusted is the certificate of what stands before the app: none of the app's business.
	untrusted error
}

func (x *exam) probe(ctx context.Context) probe {
	health := x.Enrolment.Health
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	address, err := url.JoinPath(x.BaseURL, "/")
	if err == nil {
		address = strings.TrimSuffix(address, "/") + "/" + strings.TrimPrefix(health.Path, "/")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return probe{text: "the address cannot be asked: " + err.Error()}
	}
	client := *x.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(req)
	if err != nil {
		p := probe{text: "no answer: " + err.Error()}
		if _, wrong := errors.AsType[*tls.CertificateVerificationError](err); wrong {
			p.untrusted = err
		}
		return p
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, bodyLimit))
	if err != nil {
		return probe{text: fmt.Sprintf("last answer %s broke off: %v", answer.Status, err)}
	}
	p := probe{body: opening(string(body))}
	p.healthy, p.text = fits(health, answer.StatusCode, answer.Status, string(body))
	return p
}

func fits(health recipes.Health, code int, status, body string) (bool, string) {
	switch {
	case health.Status != 0 && code != health.Status:
		return false, fmt.Sprintf("last answer %s, expected %d", status, health.Status)
	case health.Status == 0 && (code < 200 || code > 399):
		return false, "last answer " + status
	case health.Text != "" && !strings.Contains(body, health.Text):
		return false, fmt.Sprintf("last answer %s, without the text %q", status, health.Text)
	}
	return true, ""
}

// opening is how a text begins: enough to recognise it.
func opening(body string) string {
	const lines, width = 10, 2000
	if len(body) > width {
		body = body[:width]
	}
	parts := strings.SplitN(strings.TrimSpace(strings.ToValidUTF8(body, "�")), "\n", lines+1)
	return strings.Join(parts[:min(len(parts), lines)], "\n")
}
