package page

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"seatrial/harness/run"
	"seatrial/recipes"
)

type indexPage struct {
	Problems   []string
	Unenrolled []unenrolledRow
	More       int // that are not enrolled and not shown
	Slots      []slotRow
	Waiting    []waitingRow
	Dirty      int
	Nodes      *nodesPart
	Rows       []recipeRow
	Total      int
	Counts     []count
	Search     string
	Show       string
	Found      int    // how many recipes match, on all pages
	First      int    // the number of the first one shown
	Previous   string // the page before, and the one after
	Next       string
}

// recipesPerPage bounds what is made and sent each time that something happens.
const recipesPerPage = 100

type slotRow struct {
	run.Slot
	Sign    sign
	Since   moment
	Expires moment
	Doing   string // the stage that is being asked
}

type waitingRow struct {
	run.Waiter
	Since moment
}

// recipeRow is a recipe and its latest run.
type recipeRow struct {
	Name     string
	Repo     string
	Enrolled bool
	Tested   bool
	Sign     sign
	Level    level
	Run      run.ID
	Code     run.Code
	When     moment
	Badge    string // what the badge's picture says
	BadgeURL string
}

// count is how many recipes have one answer.
type count struct {
	Sign sign
	N    int
	On   bool // the page shows only these
}

const untestedWord = "untested"

func (p *Pages) index(w http.ResponseWriter, r *http.Request) {
	latest, err := p.Journal.LatestRuns(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	enrolments, queue := p.Enrolments(), p.Queue()
	page := indexPage{
		Problems: enrolments.Problems,
		Search:   strings.TrimSpace(r.URL.Query().Get("q")),
		Show:     r.URL.Query().Get("show"),
	}
	page.Unenrolled, page.More = p.unenrolled(r.Context())
	rows := p.recipeRows(latest, enrolments.Recipes)
	page.Total, page.Counts = len(rows), countSigns(rows, page.Show)
	for _, row := range rows {
		matches := strings.Contains(strings.ToLower(row.Name+" "+row.Repo), strings.ToLower(page.Search))
		if matches && (page.Show == "" || page.Show == row.Sign.Word) {
			page.Rows = append(page.Rows, row)
		}
	}
	page.cut(r.URL.Query())
	for i := range page.Rows {
		page.Rows[i].Badge = p.badgeWords(r, page.Rows[i])
	}
	doing := map[run.ID]string{}
	for _, l := range latest {
		doing[l.Request.ID] = string(l.Current())
	}
	for _, s := range queue.Slots {
		page.Slots = append(page.Slots, p.slotRow(s, doing))
		if len(s.Leftovers) > 0 {
			page.Dirty++
		}
	}
	for _, w := range queue.Waiting {
		page.Waiting = append(page.Waiting, waitingRow{w, p.at(w.Since)})
	}
	page.Nodes = p.nodes(r.Context(), queue, latest)
	p.show(w, r, http.StatusOK, "index", frame{Title: "Recipes", Stream: "/events", Page: page})
}

// cut leaves the rows of the page that was asked for.
func (i *indexPage) cut(query url.Values) {
	i.Found = len(i.Rows)
	last := max(0, (i.Found-1)/recipesPerPage)
	n, _ := strconv.Atoi(query.Get("page")) // what is not a number is the first page
	n = min(max(n-1, 0), last)
	i.First = n*recipesPerPage + 1
	i.Rows = i.Rows[n*recipesPerPage : min((n+1)*recipesPerPage, i.Found)]
	to := func(page int) string {
		query.Set("page", strconv.Itoa(page))
		return "/?" + query.Encode()
	}
	if n > 0 {
		i.Previous = to(n)
	}
	if n < last {
		i.Next = to(n + 2)
	}
}

// Last is the number of the last recipe shown.
func (i indexPage) Last() int { return i.First + len(i.Rows) - 1 }

func (p *Pages) slotRow(s run.Slot, doing map[run.ID]string) slotRow {
	row := slotRow{Slot: s, Since: p.at(s.Since), Expires: p.at(s.Lease.Expires), Doing: doing[s.Run]}
	switch {
	case len(s.Leftovers) > 0:
		row.Sign = sign{"being cleaned", "!", "unsure"}
	case s.Run == "":
		row.Sign = sign{"free", "○", "quiet"}
	default:
		row.Sign = stateSigns[run.Running]
	}
	return row
}

// recipeRows joins what is enrolled with what was run, by name.
func (p *Pages) recipeRows(latest []run.Report, enrolled []recipes.Enrolment) []recipeRow {
	rows := map[string]*recipeRow{}
	for _, e := range enrolled {
		rows[e.Name] = &recipeRow{
			Name: e.Name, Repo: e.Repo, Enrolled: true, Sign: sign{untestedWord, "·", "quiet"},
			BadgeURL: "/badge/" + url.PathEscape(e.Name) + ".svg",
		}
	}
	for _, r := range latest {
		row := rows[r.Request.Recipe]
		if row == nil {
			row = &recipeRow{Name: r.Request.Recipe, Repo: r.Request.Code.Repo}
			rows[r.Request.Recipe] = row
		}
		row.Tested, row.Run, row.Code = true, r.Request.ID, r.Request.Code
		row.Sign, row.Level, row.When = verdictSign(r), levelOf(r), p.at(r.Request.AskedAt)
		if !r.EndedAt.IsZero() {
			row.When = p.at(r.EndedAt)
		}
	}
	sorted := make([]recipeRow, 0, len(rows))
	for _, row := range rows {
		sorted = append(sorted, *row)
	}
	slices.SortFunc(sorted, func(a, b recipeRow) int {
		if a.Enrolled != b.Enrolled {
			return map[bool]int{true: -1, false: 1}[a.Enrolled]
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return sorted
}

// badgeWords are the alternative text of a recipe's badge.
func (p *Pages) badgeWords(r *http.Request, row recipeRow) string {
	if p.Badges == nil || row.BadgeURL == "" {
		return ""
	}
	return p.Badges.Badge(r.Context(), row.Name, 0).Message
}

// countSigns counts the answers, what needs somebody first.
func countSigns(rows []recipeRow, shown string) []count {
	order := []string{"fail", "unverified"}
	n, signs := map[string]int{}, map[string]sign{}
	for _, row := range rows {
		n[row.Sign.Word]++
		signs[row.Sign.Word] = row.Sign
	}
	rank := func(word string) int {
		if i := slices.Index(order, word); i >= 0 {
			return i
		}
		return len(order)
	}
	var counts []count
	for word, n := range n {
		counts = append(counts, count{signs[word], n, word == shown})
	}
	slices.SortFunc(counts, func(a, b count) int {
		return cmp.Or(rank(a.Sign.Word)-rank(b.Sign.Word), cmp.Compare(a.Sign.Word, b.Sign.Word))
	})
	return counts
}
