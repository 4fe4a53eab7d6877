package forgetest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// check is a check run.
type check struct {
	id                   int64
	app                  *app
	commit               string
	name, external       string
	details              string
	status, conclusion   string
	started, completed   time.Time
	title, summary, text string
	hasOutput            bool
	annotations          []annotation
	createdAt            time.Time
}

// annotation is a note on a line of a file.
type annotation struct {
	Path       string `json:"path"`
	StartLine  int    `json:"start_line"`
	EndLine    int    `json:"end_line"`
	StartCol   *int   `json:"start_column"`
	EndCol     *int   `json:"end_column"`
	Level      string `json:"annotation_level"`
	Title      string `json:"title"`
	Message    string `json:"message"`
	RawDetails string `json:"raw_details"`
}

// checkInput is what creates or changes one.
type checkInput struct {
	Name       *string
	HeadSHA    string  `json:"head_sha"`
	DetailsURL *string `json:"details_url"`
	ExternalID *string `json:"external_id"`
	Status     *string
	Conclusion *string
	StartedAt  *time.Time `json:"started_at"`
	Completed  *time.Time `json:"completed_at"`
	Output     *struct {
		Title, Summary *string
		Text           *string
		Annotations    []annotation
	}
}

var (
	checkStatuses    = []string{"queued", "in_progress", "completed"}
	checkConclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
	annotationLevels = []string{"notice", "warning", "failure"}
)

const (
	mostAnnotations = 50    // in one request
	maxOutput       = 65535 // characters of a summary or a text
)

// checker says whether an App with leave to write check runs asks, or answers that it must.
func (c *ghCall) checker(r *repo) bool {
	if c.by.grant == nil {
		c.fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
		return false
	}
	if !c.may(r, "checks") {
		c.withheld()
		return false
	}
	return true
}

func createCheckRun(c *ghCall, r *repo) {
	var in checkInput
	if !c.checker(r) || !c.body(&in) {
		return
	}
	switch {
	case in.Name == nil || *in.Name == "":
		c.invalid("CheckRun", "name", "missing_field", "")
		return
	case r.dir != "" && c.s.head(r, in.HeadSHA) == "":
		c.fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+in.HeadSHA)
		return
	}
	k := &check{id: c.s.nextID(), app: c.by.grant.install.app, commit: in.HeadSHA, status: "queued", createdAt: c.s.time()}
	if c.changeCheck(k, in) {
		r.checks = append(r.checks, k)
		c.answer(http.StatusCreated, c.checkRun(r, k))
	}
}

func updateCheckRun(c *ghCall, r *repo) {
	var in checkInput
	if !c.checker(r) || !c.body(&in) {
		return
	}
	k := c.check(r)
	switch {
	case k == nil:
	case k.app != c.by.grant.install.app:
		c.fail(http.StatusForbidden, "Invalid app_id `"+strconv.FormatInt(c.by.grant.install.app.id, 10)+"` - check run can only be modified by the GitHub App that created it.")
	case c.changeCheck(k, in):
		c.answer(http.StatusOK, c.checkRun(r, k))
	}
}

// changeCheck does what was sent, or answers what is wrong with it.
func (c *ghCall) changeCheck(k *check, in checkInput) bool {
	if field, message := in.wrong(); field != "" {
		c.invalid("CheckRun", field, "invalid", message)
		return false
	}
	set(&k.name, in.Name)
	set(&k.details, in.DetailsURL)
	set(&k.external, in.ExternalID)
	set(&k.status, in.Status)
	set(&k.started, in.StartedAt)
	set(&k.completed, in.Completed)
	set(&k.conclusion, in.Conclusion)
	if k.started.IsZero() {
		k.started = c.s.time()
	}
	switch {
	case in.Conclusion != nil:
		k.status = "completed"
		if in.Completed == nil {
			k.completed = c.s.time()
		}
	case in.Status != nil && *in.Status != "completed":
		k.conclusion, k.completed = "", time.Time{}
	}
	if in.Output != nil {
		k.hasOutput = true
		set(&k.title, in.Output.Title)
		set(&k.summary, in.Output.Summary)
		set(&k.text, in.Output.Text)
		k.annotations = append(k.annotations, in.Output.Annotations...)
	}
	return true
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// wrong is the first field that is not acceptable, and why.
func (in checkInput) wrong() (field, message string) {
	switch {
	case in.Status != nil && !slices.Contains(checkStatuses, *in.Status):
		return "status", "status is not included in the list"
	case in.Conclusion != nil && !slices.Contains(checkConclusions, *in.Conclusion):
		return "conclusion", "conclusion is not included in the list"
	case in.Status != nil && *in.Status == "completed" && in.Conclusion == nil:
		return "conclusion", "conclusion is missing"
	case in.Output == nil:
		return "", ""
	case in.Output.Title == nil || in.Output.Summary == nil:
		return "output", "title and summary are required"
	case len([]rune(*in.Output.Summary)) > maxOutput:
		return "summary", "Only 65535 characters are allowed; longer text was given."
	case in.Output.Text != nil && len([]rune(*in.Output.Text)) > maxOutput:
		return "text", "Only 65535 characters are allowed; longer text was given."
	case len(in.Output.Annotations) > mostAnnotations:
		return "annotations", "No more than 50 annotations are allowed in a request."
	}
	for _, a := range in.Output.Annotations {
		if a.Path == "" || a.Path == "." || a.StartLine < 1 || a.EndLine < a.StartLine || a.Message == "" || len([]rune(a.Title)) > 255 || !slices.Contains(annotationLevels, a.Level) {
			return "annotations", "path, start_line, end_line, annotation_level and message are required"
		}
	}
	return "", ""
}
