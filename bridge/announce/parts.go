package announce

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"seatrial/harness/run"
)

// How much of each part is shown. Escaping can make a character eleven bytes, so
// these are chosen such that everything together stays below maxComment nearly
// always; where it does not, the small print goes.
const (
	evidenceLines = 40
	evidenceBytes = 16_000
	summaryLimit  = 400
	noteLimit     = 160
	listLimit     = 15
)

func fault(r run.Report, c Context, evidence bool) string {
	stage, f := r.Fault()
	if f == nil {
		return ""
	}
	s := fmt.Sprintf("**%s**: %s\n", prose(string(stage), 40), c.prose(f.Summary, summaryLimit))
	if f.Hint != "" {
		s += "\nWhat to try: " + c.prose(f.Hint, summaryLimit) + "\n"
	}
	if lines := lastLines(maskAll(c, f.Evidence), evidenceLines, evidenceBytes); evidence && len(lines) > 0 {
		for i, line := range lines {
			if strings.TrimSpace(line) == c.Word {
				lines[i] = "› " + line // the command never stands alone on a line
			}
		}
		s += "\n" + details("What shows it", fence("text", lines))
	}
	return s
}

func maskAll(c Context, lines []string) []string {
	masked := make([]string, len(lines))
	for i, l := range lines {
		masked[i] = c.mask(l)
	}
	return masked
}

var outcomes = map[run.Outcome]string{
	run.Passed: "✅ passed", run.Failed: "❌ failed", run.Skipped: "➖ not applicable",
	run.Blocked: "⛔ blocked", run.Unverified: "⚠️ unverified",
}

func stageTable(r run.Report, c Context) string {
	if len(r.Stages) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| stage | answer | took | |\n| --- | --- | ---: | --- |\n")
	for _, s := range r.Stages[:min(len(r.Stages), listLimit)] {
		answer, took, note := outcomes[s.Outcome], "", s.Note
		switch {
		case answer != "":
			took = span(s.Took)
		case r.State == run.Ended || r.State == run.TearingDown:
			answer = "not asked"
		case s.Stage != r.Current():
			answer = "…"
		default:
			answer, note = "🔄 now", r.Progress
		}
		if s.Fault != nil {
			note = s.Fault.Summary
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", prose(string(s.Stage), 40), answer, took, c.prose(note, noteLimit))
	}
	return b.String()
}

// span writes a duration as people do.
func span(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

var levels = [run.MaxLevel + 1]string{
	"it does not install, or loses its data over a restart",
	"it installs and keeps its data over a restart",
	"it upgrades from the last release with its data",
	"it comes back from a backup after everything was destroyed",
	"its own checks pass",
	"there is nothing to improve",
}

func levelLine(r run.Report) string {
	if w := r.Word(); r.State != run.Ended || r.Plan == nil || w != "pass" && w != "fail" {
		return ""
	}
	level := r.Level()
	s := fmt.Sprintf("Level %d of %d: %s.", level, run.MaxLevel, levels[level])
	if raise := r.WouldRaise(); raise != "" {
		s += " What would raise it: " + raise + "."
	}
	return s
}

func staleNote(r run.Report) string {
	if r.StaleSince == "" {
		return ""
	}
	return fmt.Sprintf("This is about %s, an older commit: the head of the pull request is %s now.",
		code(r.Request.Code.ShortCommit(), 12), code(run.ShortHash(r.StaleSince), 12))
}

// tornDown says that nothing is left, and of how much.
func tornDown(r run.Report) string {
	if r.State != run.Ended || !r.TornDown || len(r.Leftovers) > 0 || r.Removed == 0 {
		return ""
	}
	things := "things"
	if r.Removed == 1 {
		things = "thing"
	}
	return fmt.Sprintf("Torn down: %d %s made, 0 left.", r.Removed, things)
}

func leftovers(r run.Report, c Context) string {
	if len(r.Leftovers) == 0 {
		return ""
	}
	return "Something was left behind. This is for the operator: it is being removed, and it keeps the slot until it is gone:\n" +
		bullets(r.Leftovers, func(l run.Leftover) string { return c.prose(l.Kind, 40) + " " + code(c.mask(l.Name), 120) })
}

// bullets are the first lines of a list, and how many more there are.
func bullets[T any](all []T, line func(T) string) string {
	var items []string
	for _, one := range all[:min(len(all), listLimit)] {
		items = append(items, "- "+line(one))
	}
	if more := len(all) - listLimit; more > 0 {
		items = append(items, fmt.Sprintf("- and %d more", more))
	}
	return strings.Join(items, "\n")
}

func findings(r run.Report, c Context) string {
	if len(r.Findings) == 0 {
		return ""
	}
	return details(fmt.Sprintf("What lint says (%d)", len(r.Findings)), bullets(r.Findings, func(f run.Finding) string {
		place := ""
		if f.File != "" {
			place = f.File
			if f.Line > 0 {
				place += fmt.Sprintf(":%d", f.Line)
			}
			place = code(c.mask(place), 120) + " "
		}
		return fmt.Sprintf("%s %s%s: %s", prose(string(f.Severity), 20), place, code(f.ID, 60), c.prose(f.Text, 300))
	}))
}

func warnings(r run.Report, c Context) string {
	if len(r.Warnings) == 0 {
		return ""
	}
	return details(fmt.Sprintf("Worth knowing (%d)", len(r.Warnings)), bullets(r.Warnings, func(w string) string { return c.prose(w, 300) }))
}

func earlierAttempts(r run.Report, c Context) string {
	var items []string
	for _, e := range r.Earlier[:min(len(r.Earlier), listLimit)] {
		items = append(items, "An earlier attempt did not count: "+c.prose(e, 300)+".")
	}
	return strings.Join(items, "\n")
}

func links(r run.Report, c Context) string {
	var all []string
	if page := c.runPage(r.Request.ID); page != "" {
		all = append(all, "[The run, with its log]("+page+")")
	}
	if r.State == run.Running && r.Started != nil && linkable(r.Started.BaseURL) {
		all = append(all, "[The app, while it is up]("+r.Started.BaseURL+")")
	}
	return strings.Join(all, " · ")
}

// linkable says whether an address can stand in a link as it is.
func linkable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(address, "()<>[]\\`\"' \t\r\n") && visible(address) == address
}

func askers(r run.Report) string {
	s := askedBy(r.Request)
	for i, who := range r.Joined {
		if i == listLimit {
			s += fmt.Sprintf(" and %d more", len(r.Joined)-i)
			break
		}
		s += ", joined by " + code(who, 60)
	}
	return s + "."
}

func askedBy(r run.Request) string {
	who := code(r.AskedBy.Login, 60)
	switch r.Via {
	case run.ViaAPI:
		return "Asked for through the API by " + who
	case run.ViaHook:
		return "Asked for by the repository's own webhook, for " + who
	case run.ViaSchedule:
		return "Asked for by the schedule"
	case run.ViaMergeGroup:
		return "Asked for by the merge queue"
	}
	return "Asked for by " + who
}

func howToRunAgain(r run.Report, c Context) string {
	if r.State != run.Ended || c.Word == "" {
		return ""
	}
	return "To run it again, comment " + code(c.Word, 60) + " and nothing else."
}

// atHome is what gives the same answer without a forge.
func atHome(r run.Report, c Context) string {
	at := r.Request.Code
	const longest = 1000 // longer than any that a forge gives out
	if len(at.URL)+len(at.Commit)+len(at.Ref)+len(r.Request.Recipe) > longest {
		return ""
	}
	if r.State != run.Ended || at.URL == "" || at.Commit == "" || at.Ref == "" {
		return ""
	}
	lines := r.Request.AtHome(c.Enrolment)
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	return details("The same on your own machine", fence("sh", lines))
}
