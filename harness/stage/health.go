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
	// fewestAnswers are seen before an app is taken for steady, however short the time.
	fewestAnswers = 4
	answerLimit   = 5 * time.Second // for one answer; an app that takes longer is not healthy yet
	beatEvery     = 5 * time.Second // people see that we wait
	bodyLimit     = 1 << 20
	tailLines     = 30
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

// awaitSteady watches a healthy app for a while, counted from since on: some come up, and
// end when their first real work fails. It ends when the time is over and enough answers
// were seen, so that a busy machine does not end it before it saw anything.
func (x *exam) awaitSteady(ctx context.Context, since time.Time, steady time.Duration) error {
	x.say("watching that it stays up for %s", steady)
	poll := min(steadyPoll, steady/fewestAnswers)
	var seen answers
	for time.Since(since) < steady || seen.all < fewestAnswers {
		up := time.Since(since).Truncate(time.Second)
		if err := x.alive(ctx); err != nil {
			return x.sooner(up, err)
		}
		if seen.add(x.probe(ctx)) && ctx.Err() == nil {
			return x.orDied(ctx, x.verdictOn(&seen, fmt.Sprintf("came up, then was no longer healthy after %s", up)))
		}
		if err := pause.For(ctx, max(poll, time.Millisecond), nil); err != nil {
			return err
		}
	}
	if err := x.alive(ctx); err != nil {
		return x.sooner(time.Since(since).Truncate(time.Second), err)
	}
	x.say("its health answered well %s", seen.share())
	return x.verdictOn(&seen, "")
}

// sooner says that an app ended although it had come up.
func (x *exam) sooner(up time.Duration, err error) error {
	if told := after(fmt.Sprintf("came up, then ended after %s", up), err); isDeath(err) {
		return died{faultIn(told)}
	}
	return err
}

// steady is how long an app is watched that holds data. A service that answers nobody shows
// only by ending that it cannot bear them, so an app that has such is watched longer.
func (x *exam) steady() time.Duration {
	steady := time.Duration(x.Enrolment.Health.Steady)
	if x.services() > 1 {
		steady += steady / 2
	}
	return steady
}

// watchOnce watches the app in the first stage in which the head runs with data in it.
func (x *exam) watchOnce(ctx context.Context, s run.Stage) error {
	if x.watched {
		return nil
	}
	if err := x.awaitSteady(ctx, x.healthySince, x.steady()); err != nil {
		x.wentDown(s)
		return err
	}
	x.watched = true
	return nil
}

// answers are what the app said of its health, one after the other.
type answers struct {
	all, good int
	last      []bool // of the last three: whether they were bad
	shown     []string
	worst     probe
}

func (a *answers) bad() int { return a.all - a.good }

func (a *answers) share() string {
	if a.good == a.all {
		return fmt.Sprintf("%d of %d times", a.good, a.all)
	}
	return fmt.Sprintf("%d of %d times (%d %%)", a.good, a.all, a.good*100/a.all)
}

// add counts one answer. It says whether two of the last three were bad: once may be a
// hiccup of this machine.
func (a *answers) add(p probe) (tooMany bool) {
	const window, most = 3, 2
	a.all++
	if p.healthy {
		a.good++
	} else {
		a.worst = p
		a.shown = append(a.shown, fmt.Sprintf("answer %d: %s", a.all, p.text))
	}
	a.last = append(a.last, !p.healthy)
	a.last = a.last[max(0, len(a.last)-window):]
	n := 0
	for _, bad := range a.last {
		if bad {
			n++
		}
	}
	return !p.healthy && n >= most
}

// verdictOn says what came of the answers: a fault where it is said what is wrong, or a
// word about those that were bad.
func (x *exam) verdictOn(seen *answers, wrong string) error {
	const shown = 10
	lines := append([]string{"its health answered well " + seen.share()}, seen.shown[:min(len(seen.shown), shown)]...)
	switch {
	case wrong == "" && seen.bad() > 0:
		x.warn(strings.Join(lines, "\n"))
		return nil
	case wrong == "":
		return nil
	case seen.worst.untrusted != nil:
		return fmt.Errorf("cannot tell whether the app is healthy: %w", seen.worst.untrusted)
	}
	f := *faultIn(x.notHealthy(wrong+": "+seen.worst.text, seen.worst))
	f.Evidence = append(lines, f.Evidence...)
	return &f
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
