package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/result"
	"seatrial/harness/run"
)

type runPage struct {
	Report   run.Report
	ID       run.ID
	Sign     sign
	Level    level
	Open     bool
	Place    int // in the queue; 0 for a run that does not wait
	Of       int
	Wait     time.Duration
	Fetching bool
	Ending   string
	Asked    moment
	Started  moment
	Ended    moment
	Took     string
	Subject  string
	Previous string
	Attempts []int
	Stages   []stageRow
	Faults   []faultBox
	App      string // the app's address, while it lives
	Label    string
	AtHome   string
	Where    *clusterPlace
	Tail     *logView
	Files    bool
}

type stageRow struct {
	Stage    run.Stage
	Question string
	Sign     sign
	Took     string
	Note     string
	Since    moment
	Fault    bool
}

type faultBox struct {
	Stage    run.Stage
	Summary  string
	Hint     string
	Evidence string
}

// report finds the run that a path names. Where there is none, or the path spells
// it otherwise, it answers and ok is false.
func (p *Pages) report(w http.ResponseWriter, r *http.Request) (report run.Report, asJSON, ok bool) {
	text, asJSON := strings.CutSuffix(r.PathValue("id"), ".json")
	id, err := run.ParseID(text)
	if err != nil {
		p.missing(w, r, "This is not the ID of a run: an ID has 26 letters and digits.")
		return report, asJSON, false
	}
	if text != string(id) {
		to := *r.URL
		to.Path, to.RawPath = strings.Replace(r.URL.Path, text, string(id), 1), ""
		http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
		return report, asJSON, false
	}
	report, err = p.Journal.Report(r.Context(), id)
	switch {
	case errors.Is(err, journal.ErrUnknownRun):
		p.missing(w, r, "The journal holds no run with this ID.")
	case err != nil:
		p.broken(w, r, err)
	default:
		return report, asJSON, true
	}
	return report, asJSON, false
}

// attempt is the attempt that a request asks for: the latest unless it says so.
func attempt(r *http.Request, report run.Report) int {
	if n, err := strconv.Atoi(r.URL.Query().Get("attempt")); err == nil && n >= 1 && n <= report.Attempt {
		return n
	}
	return max(1, report.Attempt)
}

func (p *Pages) run(w http.ResponseWriter, r *http.Request) {
	report, asJSON, ok := p.report(w, r)
	if !ok {
		return
	}
	if asJSON {
		p.runJSON(w, r, report)
		return
	}
	page := p.runPage(r.Context(), report)
	if report.Attempt > 0 {
		page.Tail = p.tail(report.Request.ID, report.Attempt)
		page.Files = p.hasFiles(report.Request.ID, report.Attempt)
	}
	title := page.Sign.Word + ": " + line(report.Request.Recipe, 60) + " at " + report.Request.Code.ShortCommit()
	p.show(w, r, http.StatusOK, "run", frame{Title: title, Stream: "/runs/" + string(page.ID) + "/events", Page: page})
}

func (p *Pages) runPage(ctx context.Context, report run.Report) runPage {
	e, _ := p.Enrolments().ByName(report.Request.Recipe)
	page := runPage{
		Report: report, ID: report.Request.ID, Sign: verdictSign(report), Level: levelOf(report),
		Open: report.State != run.Ended, Ending: endingWords[report.Ending],
		Asked: p.at(report.Request.AskedAt), Started: p.at(report.StartedAt), Ended: p.at(report.EndedAt), Took: durationOf(report),
		AtHome: atHome(report.Request, e.File), Where: p.clusterPlace(ctx, report.Started),
	}
	if plan := report.Plan; plan != nil {
		page.Subject, page.Previous = plan.Subject, plan.Previous
	}
	if started := report.Started; started != nil && report.State == run.Running {
		page.App, page.Label = webLink(started.BaseURL), started.Label
	}
	if report.State == run.Waiting {
		page.Place, page.Of, page.Wait, page.Fetching = p.place(page.ID)
	}
	for n := 1; n <= report.Attempt; n++ {
		page.Attempts = append(page.Attempts, n)
	}
	for _, s := range report.Stages {
		row := stageRow{Stage: s.Stage, Question: questions[s.Stage], Sign: stageSign(report, s), Took: durationText(s.Took), Note: s.Note, Since: p.at(s.StartedAt), Fault: s.Outcome == run.Failed}
		if row.Sign.Class == "busy" {
			row.Note = report.Progress
		}
		page.Stages = append(page.Stages, row)
		if s.Outcome != run.Failed {
			continue
		}
		box := faultBox{Stage: s.Stage, Summary: s.Note}
		if s.Fault != nil {
			box.Summary, box.Hint = s.Fault.Summary, s.Fault.Hint
			box.Evidence = clip(strings.Join(s.Fault.Evidence, "\n"))
		}
		page.Faults = append(page.Faults, box)
	}
	return page
}

// clip bounds what one fault may put on the page.
func clip(s string) string {
	const most = 64 << 10
	if len(s) <= most {
		return s
	}
	return "(the beginning is left out: the log has it)\n" + strings.ToValidUTF8(s[len(s)-most:], "")
}

func (p *Pages) place(id run.ID) (place, of int, wait time.Duration, fetching bool) {
	waiting := p.Queue().Waiting
	for i, w := range waiting {
		if w.Run == id {
			return i + 1, len(waiting), w.Wait, w.Preparing
		}
	}
	return 0, 0, 0, false
}

// runJSON answers with the result, as a run's own result.json has it.
func (p *Pages) runJSON(w http.ResponseWriter, r *http.Request, report run.Report) {
	text, err := json.MarshalIndent(result.New(report), "", "  ")
	if err != nil {
		p.broken(w, r, fmt.Errorf("cannot encode the result of run %s: %w", report.Request.ID, err))
		return
	}
	Safe(w.Header())
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	Send(w, r, http.StatusOK, append(text, '\n'))
}
