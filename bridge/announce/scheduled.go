package announce

import (
	"fmt"
	"strings"

	"seatrial/harness/run"
)

// ScheduleMarker is the hidden line by which the issue about a recipe's default branch is
// found again.
func ScheduleMarker(recipe string) string {
	return fmt.Sprintf("<!-- seatrial:schedule:%s -->", recipe)
}

// RenderScheduled writes title and text of the issue about a recipe's default branch: how
// it stands by the run, and how it stood by the one before, if there was one.
func RenderScheduled(r run.Report, before *run.Report, c Context) (title, body string) {
	branch := strings.TrimPrefix(r.Request.Code.Ref, "refs/heads/")
	title = fmt.Sprintf("%s %s on %s", r.Request.Recipe, change(r, before), cut(visible(branch), 60))
	return title, paragraphs(
		headline(r),
		fmt.Sprintf("The branch %s was tested as scheduled. %s", code(branch, 60), resultBefore(before, c)),
		fault(r, c, true),
		stageTable(r, c),
		levelLine(r),
		links(r, c),
		"This issue is maintained by a program: it is edited when the result changes, closed when all is well again, and reopened when it is not. To change when the branch is tested, or to stop it, change "+
			code("schedule", 20)+" in the recipe's enrolment.",
		ScheduleMarker(r.Request.Recipe),
	)
}

// change is how it stands, compared with how it stood.
func change(r run.Report, before *run.Report) string {
	switch {
	case r.Verdict() == run.VerdictFail:
		return "fails"
	case before != nil && before.Verdict() == run.VerdictPass && before.Level() > r.Level():
		return fmt.Sprintf("dropped to level %d of %d", r.Level(), run.MaxLevel)
	}
	return "passes again"
}

func resultBefore(before *run.Report, c Context) string {
	if before == nil {
		return "There is nothing to compare it with."
	}
	s := fmt.Sprintf("The previous time, at %s, the result was %s", code(before.Request.Code.ShortCommit(), 12), before.Word())
	if before.Verdict() == run.VerdictPass {
		s += fmt.Sprintf(", level %d of %d", before.Level(), run.MaxLevel)
	}
	if page := c.runPage(before.Request.ID); page != "" {
		s += " ([that run](" + page + "))"
	}
	return s + "."
}
