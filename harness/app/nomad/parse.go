package nomad

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/internal/lazyregexp"
)

// parse lets the server read a job file. What the server says against it is a fault
// with file, line and column.
func (a *App) parse(ctx context.Context, file, text, values string) (*api.Job, error) {
	var job api.Job
	// Jobs().ParseHCLOpts knows no namespace, and the right to parse is given in one.
	_, err := a.cfg.Client.Raw().Write("/v1/jobs/parse", &api.JobsParseRequest{JobHCL: text, Variables: values}, &job, a.write(ctx))
	if err == nil {
		return &job, nil
	}
	const badRequest = 400
	if answer, ok := errors.AsType[api.UnexpectedResponseError](err); ok && answer.HasStatusCode() && answer.StatusCode() == badRequest {
		return nil, parseFault(file, answer.Body())
	}
	return nil, cluster.Explain("read "+file, err)
}

var (
	parsePlace = lazyregexp.New(`(?s)^(?:.*?)input\.hcl:([0-9]+),([0-9]+)(?:-[0-9,]+)?: (.*)$`)
	inputPlace = lazyregexp.New(`input\.hcl:([0-9]+),([0-9]+)(?:-[0-9,]+)?`)
)

// parseFault makes a fault of what the parser said.
func parseFault(file, said string) *app.Fault {
	said = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(said), "Failed to parse job:"))
	f := &app.Fault{Hint: "nomad job validate " + file + " says the same"}
	if m := parsePlace.FindStringSubmatch(said); m != nil {
		first, _, _ := strings.Cut(m[3], "\n")
		first, _, _ = strings.Cut(first, ", and ")
		f.Summary = fmt.Sprintf("%s:%s:%s: %s", file, m[1], m[2], strings.TrimSpace(first))
	} else {
		first, _, _ := strings.Cut(said, "\n")
		f.Summary = file + ": " + first
	}
	for line := range strings.Lines(inputPlace.ReplaceAllString(said, file+":$1:$2")) {
		if line = strings.TrimSpace(line); line != "" {
			f.Evidence = append(f.Evidence, line)
		}
	}
	return f
}
