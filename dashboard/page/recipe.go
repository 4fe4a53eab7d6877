package page

import (
	"cmp"
	"html"
	"net/http"
	"net/url"
	"strings"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// runsPerPage is how many runs a recipe's page lists.
const runsPerPage = 30

type recipePage struct {
	Name     string
	Repo     string
	File     string
	Enrolled bool
	Word     string
	Badge    string
	BadgeURL string
	Snippets []snippet
	Runs     []runRow
	Older    string // the page of older runs
	Paged    bool   // this is one
}

type snippet struct{ Format, Text string }

type runRow struct {
	ID      run.ID
	Sign    sign
	Level   level
	Code    run.Code
	Subject string
	AskedBy string
	When    moment
	Took    string
	Fault   string
}

func (p *Pages) recipe(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("recipe")
	filter := journal.Filter{Recipe: name, Limit: runsPerPage + 1}
	if before := r.URL.Query().Get("before"); before != "" {
		id, err := run.ParseID(before)
		if err != nil {
			p.missing(w, r, "There is no such page of older runs.")
			return
		}
		filter.Before = id
	}
	reports, err := p.Journal.Reports(r.Context(), filter)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	e, enrolled := p.Enrolments().ByName(name)
	if !enrolled && len(reports) == 0 && filter.Before == "" {
		p.missing(w, r, "No recipe of this name is enrolled, and none was ever tested.")
		return
	}
	page := recipePage{Name: name, Repo: e.Repo, File: e.File, Enrolled: enrolled, Word: p.Word, Paged: filter.Before != ""}
	if len(reports) > runsPerPage {
		reports = reports[:runsPerPage]
		page.Older = "/recipes/" + url.PathEscape(name) + "?before=" + string(reports[runsPerPage-1].Request.ID)
	}
	for _, report := range reports {
		page.Runs = append(page.Runs, p.runRow(report))
		page.Repo = cmp.Or(page.Repo, report.Request.Code.Repo)
	}
	if enrolled {
		page.BadgeURL = "/badge/" + url.PathEscape(name) + ".svg"
		page.Badge = p.badgeWords(r, recipeRow{Name: name, BadgeURL: page.BadgeURL})
		page.Snippets = p.snippets(name)
	}
	stream := "/events"
	if page.Paged {
		stream = ""
	}
	p.show(w, r, http.StatusOK, "recipe", frame{Title: name, Stream: stream, Page: page})
}

func (p *Pages) runRow(r run.Report) runRow {
	row := runRow{
		ID: r.Request.ID, Sign: verdictSign(r), Level: levelOf(r), Code: r.Request.Code,
		AskedBy: r.Request.AskedBy.Login, When: p.at(r.Request.AskedAt), Took: durationOf(r),
	}
	if r.Plan != nil {
		row.Subject = r.Plan.Subject
	}
	if stage, fault := r.Fault(); fault != nil {
		row.Fault = string(stage) + ": " + fault.Summary
	}
	return row
}

// durationOf is how long the attempt that counts took, empty until it has ended.
func durationOf(r run.Report) string {
	if r.EndedAt.IsZero() || r.StartedAt.IsZero() {
		return ""
	}
	return durationText(r.EndedAt.Sub(r.StartedAt))
}

// snippets are what a README needs to show the badge. The alternative text names
// the badge, not its state: READMEs are read without the picture too.
func (p *Pages) snippets(name string) []snippet {
	picture, target := p.address("/badge/"+url.PathEscape(name)+".svg"), p.address("/recipes/"+url.PathEscape(name))
	// Round brackets are legal in a path, but end a Markdown link.
	markdown := strings.NewReplacer("(", "%28", ")", "%29").Replace
	return []snippet{
		{"Markdown", "[![seatrial](" + markdown(picture) + ")](" + markdown(target) + ")"},
		{"HTML", `<a href="` + html.EscapeString(target) + `"><img alt="seatrial" src="` + html.EscapeString(picture) + `"></a>`},
		{"AsciiDoc", "image:" + picture + `[seatrial,link="` + target + `"]`},
	}
}
