package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

const (
	// logWindow is how much of a log one page shows.
	logWindow = 128 << 10
	// tailWindow and tailLines bound the end of the log on a run's page.
	tailWindow = 16 << 10
	tailLines  = 40
)

// logView is a part of a log.
type logView struct {
	Size     int64
	From, To int64
	Text     template.HTML
	Sections []section
}

// section is what a log says about one stage.
type section struct {
	ID    string
	Title string
	Sign  sign
	Lines int
	Text  template.HTML
	Open  bool
}

type logPage struct {
	ID       run.ID
	Recipe   string
	Sign     sign
	Attempt  int
	Attempts []int
	Live     bool
	Plain    bool
	View     *logView
	Links    []logLink
	Raw      string
	Other    string // the same part, folded or not
}

type logLink struct{ Words, URL string }

func (p *Pages) log(w http.ResponseWriter, r *http.Request) {
	report, _, ok := p.report(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	n := attempt(r, report)
	page := logPage{
		ID: report.Request.ID, Recipe: report.Request.Recipe, Sign: verdictSign(report), Attempt: n,
		Live: report.State != run.Ended && n == report.Attempt, Plain: query.Get("view") == "plain",
		Raw: fmt.Sprintf("/runs/%s/log.txt?attempt=%d", report.Request.ID, n),
	}
	for i := 1; i <= report.Attempt; i++ {
		page.Attempts = append(page.Attempts, i)
	}
	from, err := strconv.ParseInt(query.Get("from"), 10, 64)
	if err != nil {
		from = -logWindow
	}
	view, err := p.readLog(report.Request.ID, n, from, logWindow, !page.Plain)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.Log.Error("cannot show a log", "run", report.Request.ID, "attempt", n, "err", err)
	}
	if view != nil {
		page.View = view
		page.Links = logLinks(r.URL, view)
		page.Other = otherView(r.URL, page.Plain)
	}
	stream := ""
	if page.Live {
		stream = "/runs/" + string(page.ID) + "/events"
	}
	p.show(w, r, http.StatusOK, "log", frame{Title: "Log of " + line(page.Recipe, 60), Stream: stream, Page: page})
}

// tail is the end of a log for a run's page, nil if there is none.
func (p *Pages) tail(id run.ID, n int) *logView {
	view, err := p.readLog(id, n, -tailWindow, tailWindow, false)
	if err != nil {
		return nil
	}
	return view
}

// readLog reads a part of a log: at most window bytes of whole lines from an offset
// on, or from the end for a negative one.
func (p *Pages) readLog(id run.ID, n int, from, window int64, folded bool) (*logView, error) {
	if p.OpenLog == nil {
		return nil, fs.ErrNotExist
	}
	f, err := p.OpenLog(id, n)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("cannot measure the log: %w", err)
	}
	if from < 0 {
		from += size
	}
	from = min(max(from, 0), size)
	cut := from > 0 // perhaps in the middle of a line: the byte before tells
	if cut {
		from--
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, fmt.Errorf("cannot find the place in the log: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, min(window+1, size-from)))
	if err != nil {
		return nil, fmt.Errorf("cannot read the log: %w", err)
	}
	part := string(text)
	if i := strings.IndexByte(part, '\n'); cut && i >= 0 && i+1 < len(part) {
		part, from = part[i+1:], from+int64(i)+1
	}
	to := from + int64(len(part))
	if i := strings.LastIndexByte(part, '\n'); to < size && i >= 0 {
		part, to = part[:i+1], from+int64(i)+1
	}
	view := &logView{Size: size, From: from, To: to}
	if folded {
		view.Sections = sections(part)
	} else {
		if window == tailWindow {
			part = lastLines(part, tailLines)
		}
		view.Text = logHTML(part)
	}
	return view, nil
}

func lastLines(s string, n int) string {
	lines := strings.SplitAfter(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// heading is the line with which the harness begins or ends a stage.
var heading = lazyregexp.New(`^(?:\d\d:\d\d:\d\d )?== ([a-z]+)(?: ([a-z]+)(?: after [^:]*)?(?:: .*)?)?\s*$`)

// sections folds a log by its stages. The last one is open, and so are those that
// tell of a failure.
func sections(text string) []section {
	var all []section
	var body strings.Builder
	current := section{ID: "begin", Title: "Before the first stage"}
	done := func() {
		if current.Lines > 0 {
			current.Text = logHTML(body.String())
			all = append(all, current)
		}
		body.Reset()
	}
	for l := range strings.Lines(text) {
		m := heading.FindStringSubmatch(strings.TrimRight(l, "\r\n"))
		if m != nil && m[2] == "" {
			if stage, ok := run.ParseStage(m[1]); ok {
				done()
				current = section{ID: fmt.Sprintf("%s-%d", stage, len(all)), Title: string(stage)}
			}
		} else if m != nil && m[1] == current.Title {
			current.Sign = outcomeSigns[run.Outcome(m[2])]
			current.Open = current.Sign.Class == "fail"
		}
		body.WriteString(l)
		current.Lines++
	}
	current.Open = true
	done()
	return all
}

// logLinks lead to the other parts of a long log.
func logLinks(at *url.URL, v *logView) []logLink {
	to := func(from int64) string {
		q := at.Query()
		q.Set("from", strconv.FormatInt(from, 10))
		return at.Path + "?" + q.Encode()
	}
	var links []logLink
	if v.From > 0 {
		links = append(links, logLink{"From the beginning", to(0)}, logLink{"Earlier", to(max(0, v.From-logWindow))})
	}
	if v.To < v.Size {
		links = append(links, logLink{"Later", to(v.To)}, logLink{"The end", to(-logWindow)})
	}
	return links
}

func otherView(at *url.URL, plain bool) string {
	q := at.Query()
	q.Set("view", "plain")
	if plain {
		q.Del("view")
	}
	if len(q) == 0 {
		return at.Path
	}
	return at.Path + "?" + q.Encode()
}

// rawLog is the log as it was written. It only grows, so its length tells one
// version from another, and parts of it can be asked for.
func (p *Pages) rawLog(w http.ResponseWriter, r *http.Request) {
	report, _, ok := p.report(w, r)
	if !ok {
		return
	}
	n := attempt(r, report)
	var f io.ReadSeekCloser
	err := error(fs.ErrNotExist)
	if p.OpenLog != nil {
		f, err = p.OpenLog(report.Request.ID, n)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			p.Log.Error("cannot open a log", "run", report.Request.ID, "attempt", n, "err", err)
		}
		p.missing(w, r, "There is no log of this attempt: it has not begun, or its files were removed.")
		return
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		p.broken(w, r, fmt.Errorf("cannot measure the log of run %s: %w", report.Request.ID, err))
		return
	}
	Safe(w.Header())
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("ETag", fmt.Sprintf(`"%s-%d-%d"`, report.Request.ID, n, size))
	http.ServeContent(w, r, "", time.Time{}, f)
}
