// Package check does one step of an enrolment: an HTTP request to the app or a
// command where the app runs, and looks at what came of it.
//
// An expectation that is not met is a *run.Fault that tells what was asked, what
// was expected and what came. The app's silence, its resets and its 5xx are its
// own; any other error is ours. A step never leaves the app's host, follows at most
// a few redirects (none where a redirect is what is expected), and reads a bounded
// answer within a bounded time. What an app answered never becomes part of a shell line.
package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"seatrial/harness/app"
	"seatrial/recipes"
)

const (
	// stepLimit bounds a step: a page that takes longer is not there for people either.
	stepLimit = 30 * time.Second
	// maxBody is how much of an answer is read.
	maxBody = 4 << 20
	// maxRedirects is what browsers would call too many, and more than an app needs.
	maxRedirects = 5
	// evidenceLines and evidenceWidth bound what is shown of an answer.
	evidenceLines = 20
	evidenceWidth = 300
)

// errTooSlow is why a step's context ended when the step took too long, as opposed
// to a run that was cancelled or is out of time.
var errTooSlow = errors.New("the step took too long")

// Runner does steps against one app. It is safe for concurrent use if its parts are.
type Runner struct {
	BaseURL string       // the app's address; a step's path is added to it
	Client  *http.Client // reaches that address
	Exec    app.Execer   // for steps that run a command
}

// Run does one step. It replaces ${name} by what vars holds, and adds to vars what
// the step captures. A line for the shell is left as it is: there, ${name} is the
// shell's own; write the command as a list to give it a captured value.
func (r *Runner) Run(ctx context.Context, step recipes.Step, vars map[string]string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, errTooSlow)
	defer cancel()
	fill := filler{vars: vars}
	var (
		got answer
		err error
	)
	switch {
	case step.Request != nil:
		got, err = r.request(ctx, *step.Request, step.Expect, &fill)
	case !step.Exec.IsZero():
		got, err = r.exec(ctx, step.Exec, &fill)
	default:
		return fmt.Errorf("cannot do the step %q: it has neither a request nor a command", step.Name)
	}
	if err != nil {
		return err
	}
	if err := got.compare(step.Expect, &fill); err != nil {
		return err
	}
	return got.capture(step.Capture, vars)
}

// answer is what came of a step.
type answer struct {
	asked  string // for people: "GET /entries"
	status int    // HTTP status; 0 for a command
	header http.Header
	exit   int
	body   string
	cut    bool
}

func (a answer) isHTTP() bool { return a.status != 0 }
