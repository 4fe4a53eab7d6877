package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seatrial/harness/run"
)

//go:embed templates
var templateFiles embed.FS

type parsed = template.Template

// parseTemplates makes one template a page, each with the common frame.
func parseTemplates(a *assets) map[string]*parsed {
	functions := template.FuncMap{
		"asset":   a.path,
		"visible": visible,
		"line":    line,
		"span":    durationText,
		"about":   roughDuration,
		"link":    webLink,
		"short":   run.ShortHash,
		"taken":   measured,
		"segment": url.PathEscape,
	}
	all := map[string]*parsed{}
	for _, name := range []string{"index", "recipe", "run", "log", "files", "message"} {
		t := template.New("frame.html").Funcs(functions).Option("missingkey=error")
		all[name] = template.Must(t.ParseFS(templateFiles, "templates/frame.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return all
}

// frame is what every page says around its own matter.
type frame struct {
	Title   string
	Version string
	Stream  string // where the page's live updates come from; empty for none
	Now     moment
	Page    any
}

// policy lets a page load our own files and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Safe sets the headers of everything that is not an asset.
func Safe(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
}

// show writes a page. It is made in full before the first byte is sent.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name string, f frame) {
	f.Version, f.Now = p.Version, moment{p.Now(), p.Now()}
	var b bytes.Buffer
	if err := p.templates[name].Execute(&b, f); err != nil {
		p.Log.Error("cannot make a page", "page", name, "path", r.URL.Path, "err", err)
		http.Error(w, "This page could not be made. The reason is in the log of seatrial serve.", http.StatusInternalServerError)
		return
	}
	Safe(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	Send(w, r, status, b.Bytes())
}

// Send answers with the content, or says that the reader has it already.
func Send(w http.ResponseWriter, r *http.Request, status int, content []byte) {
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(content)
		}
		return
	}
	sum := sha256.Sum256(content)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// message is a page that says one thing.
type message struct {
	Title string
	Text  string
	Next  string
}

func (p *Pages) say(w http.ResponseWriter, r *http.Request, status int, m message) {
	p.show(w, r, status, "message", frame{Title: m.Title, Page: m})
}

// broken answers when the journal could not be read: our fault, and logged.
func (p *Pages) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader went away
	}
	p.Log.Error("cannot show a page", "path", r.URL.Path, "err", err)
	p.say(w, r, http.StatusInternalServerError, message{
		Title: "The journal could not be read",
		Text:  "Runs go on and nothing is lost, but this page cannot be shown right now.",
		Next:  "Try again in a moment. The reason is in the log of seatrial serve.",
	})
}

// nowhere answers for every other path and method.
func (p *Pages) nowhere(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			get := r.Clone(r.Context())
			get.Method = http.MethodGet
			if _, pattern := mux.Handler(get); pattern != "/" {
				w.Header().Set("Allow", "GET, HEAD")
				p.say(w, r, http.StatusMethodNotAllowed, message{
					Title: "This page is only for reading",
					Text:  "The dashboard changes nothing.",
					Next:  "To start a run, comment " + p.Word + " on a pull request. To cancel one, an operator runs: seatrial runs cancel ID",
				})
				return
			}
		}
		p.missing(w, r, "There is nothing at this address.")
	}
}

func (p *Pages) missing(w http.ResponseWriter, r *http.Request, text string) {
	p.say(w, r, http.StatusNotFound, message{Title: "Not found", Text: text, Next: "All recipes and their latest runs are on the first page."})
}

// address is a link to here from elsewhere.
func (p *Pages) address(path string) string { return strings.TrimRight(p.PublicURL, "/") + path }

func (p *Pages) at(t time.Time) moment { return moment{t, p.Now()} }
