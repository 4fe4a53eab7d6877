package announce

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"seatrial/harness/run"
)

// maxComment is the size of a comment, in bytes: below the 65,536 characters that
// forges take.
const maxComment = 60_000

// Context is what a comment says besides the report. The zero value leaves it out.
type Context struct {
	PublicURL string // the dashboard's address, without a slash at the end
	Word      string // the command
	Enrolment string // the path of the enrolment's file, for the line to run at home

	// Place, Of and Wait tell a waiting run's place in the queue.
	Place, Of int
	Wait      time.Duration
	Fetching  bool // what it needs is being fetched; those behind it may pass

	// Base is the latest run of the default branch, to compare with; nil for none.
	Base *run.Report

	// Mask hides secret values in text that a run wrote.
	Mask func(string) string
}

func (c Context) mask(s string) string {
	if c.Mask == nil {
		return s
	}
	return c.Mask(s)
}

func (c Context) prose(s string, limit int) string { return prose(c.mask(s), limit) }

func (c Context) runPage(id run.ID) string {
	if c.PublicURL == "" {
		return ""
	}
	return strings.TrimRight(c.PublicURL, "/") + "/runs/" + url.PathEscape(string(id))
}

// RunMarker is the hidden line by which a run's comment is found again.
func RunMarker(id run.ID) string { return fmt.Sprintf("<!-- seatrial run=%s -->", id) }

// CommentMarker is the hidden line by which the answer to a comment is found again.
func CommentMarker(comment int64) string { return fmt.Sprintf("<!-- seatrial comment=%d -->", comment) }

// Render writes the one comment of a run. The same report and context give the
// same text: it holds no clock.
func Render(r run.Report, c Context) string {
	body := page(r, c, true)
	if len(body) > maxComment {
		body = page(r, c, false)
	}
	return body
}

// page is the comment, from the verdict down. Without the small print it is always
// short enough.
func page(r run.Report, c Context, smallPrint bool) string {
	if r.Word() == string(run.EndSuperseded) {
		return paragraphs(headline(r), supersededBy(r, c), RunMarker(r.Request.ID))
	}
	parts := []string{headline(r), situation(r, c), staleNote(r), fault(r, c, smallPrint), stageTable(r, c), comparison(r, c), levelLine(r), tornDown(r), leftovers(r, c)}
	if smallPrint {
		parts = append(parts, findings(r, c), warnings(r, c), earlierAttempts(r, c))
	}
	return paragraphs(append(parts, links(r, c), askers(r), howToRunAgain(r, c), atHome(r, c), RunMarker(r.Request.ID))...)
}

// paragraphs joins those that say something.
func paragraphs(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		if part != "" {
			b.WriteString(strings.TrimRight(part, "\n") + "\n\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

var signs = map[string]string{
	string(run.Waiting): "⏳", string(run.Starting): "⏳", string(run.Running): "🔄", string(run.TearingDown): "🧹",
	string(run.VerdictPass): "✅", string(run.VerdictFail): "❌", string(run.VerdictUnverified): "⚠️",
	string(run.EndCancelled): "⏹️", string(run.EndSuperseded): "⏭️",
}

func headline(r run.Report) string {
	w := r.Word()
	parts := []string{signs[w] + " **" + w + "**", code(r.Request.Recipe, 60), code(r.Request.Code.ShortCommit(), 12)}
	if r.State == run.Ended && r.Plan != nil && (w == "pass" || w == "fail") {
		parts = append(parts, fmt.Sprintf("level %d of %d", r.Level(), run.MaxLevel))
	}
	return strings.Join(append(parts, when(r)), " · ")
}

func when(r run.Report) string {
	switch {
	case r.State == run.Ended:
		return clock(r.EndedAt)
	case r.State == run.Waiting:
		return "asked for " + clock(r.Request.AskedAt)
	}
	return "started " + clock(r.StartedAt)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func supersededBy(r run.Report, c Context) string {
	newer := "a newer request"
	if page := c.runPage(r.SupersededBy); page != "" && r.SupersededBy != "" {
		newer = "[a newer request](" + page + ")"
	}
	return details("It was not started.", "There was "+newer+" for this pull request before this one had a slot.")
}

// situation is a sentence on what happens now, or on why it ended as it did.
func situation(r run.Report, c Context) string {
	switch r.State {
	case run.Waiting:
		return waiting(c)
	case run.Starting:
		return "A slot is taken; the run is being started."
	case run.Running:
		if s := r.Current(); s != "" {
			return fmt.Sprintf("Now asking: %s.", prose(string(s), 40))
		}
		if slices.ContainsFunc(r.Stages, func(s run.StageReport) bool { return s.Outcome != "" && s.Outcome != run.Skipped }) {
			return "It goes on with the next question."
		}
		return "The recipe is being fetched."
	case run.TearingDown:
		return "Every question that can be asked was asked; the app is being removed."
	}
	return endings[r.Ending] + endingNote(r, c)
}

func waiting(c Context) string {
	if c.Of == 0 {
		return "It waits for a free slot."
	}
	s := fmt.Sprintf("Place %d of %d in the queue", c.Place, c.Of)
	if c.Fetching {
		s += ", fetching its images"
	} else if c.Wait > 0 {
		s += "; it should start " + roughly(c.Wait)
	}
	return s + "."
}

// roughly says a time to come in steps, so that it does not change at every look.
func roughly(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute) / time.Minute); {
	case minutes <= 3:
		return "in a few minutes"
	case minutes < 58:
		return fmt.Sprintf("in about %d minutes", (minutes+2)/5*5)
	default:
		hours := (minutes + 30) / 60
		if hours <= 1 {
			return "in about an hour"
		}
		return fmt.Sprintf("in about %d hours", hours)
	}
}

var endings = map[run.Ending]string{
	run.EndCancelled:  "It was cancelled.",
	run.EndOutOfTime:  "It ran out of time: not every question was answered.",
	run.EndSilent:     "It was stopped because it showed no progress for too long.",
	run.EndLost:       "The run was lost: something on our side ended it before its last word. This says nothing about the recipe.",
	run.EndNotFetched: "The recipe could not be fetched.",
	run.EndOurFault:   "Something went wrong on our side. This says nothing about the recipe.",
}

func endingNote(r run.Report, c Context) string {
	var notes string
	if r.Ending == run.EndCancelled && r.CancelAsked != "" {
		notes += " (" + c.prose(r.CancelAsked, 200) + ")"
	}
	if r.EndingNote != "" {
		notes += " (" + c.prose(r.EndingNote, 400) + ")"
	}
	return notes
}
