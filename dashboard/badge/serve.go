package badge

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// picture is a badge, ready to be sent.
type picture struct {
	badge Badge
	at    time.Time
	svg   body
	json  body
}

// body is one form of a picture with the headers that differ. The slices are
// shared between answers and never changed.
type body struct {
	bytes             []byte
	etag, kind, bytel []string
}

func draw(b Badge, at time.Time) *picture {
	return &picture{badge: b, at: at,
		svg:  newBody(b.SVG(), "image/svg+xml; charset=utf-8"),
		json: newBody(b.JSON(), "application/json; charset=utf-8"),
	}
}

func newBody(content []byte, kind string) body {
	sum := sha256.Sum256(content)
	return body{
		bytes: content,
		etag:  []string{`"` + hex.EncodeToString(sum[:12]) + `"`},
		kind:  []string{kind},
		bytel: []string{strconv.Itoa(len(content))},
	}
}

// Headers of every badge. Without Cache-Control, image proxies keep a badge for a
// year; with no-cache and an ETag they ask again and are answered cheaply.
var (
	noCache   = []string{"no-cache, max-age=0, must-revalidate"}
	noSniff   = []string{"nosniff"}
	noActive  = []string{"default-src 'none'; style-src 'unsafe-inline'"}
	anyOrigin = []string{"*"}
)

func (k key) String() string { return strconv.Itoa(k.pull) + " " + k.recipe }

// ServeHTTP answers GET /badge/{file}, where file is a recipe with .svg or .json.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	recipe, asJSON := strings.CutSuffix(file, ".json")
	recipe = strings.TrimSuffix(recipe, ".svg")
	var p *picture
	if r.URL.RawQuery == "" {
		p = s.picture(r.Context(), key{recipe: recipe})
	} else {
		p = s.asked(r, recipe, r.URL.Query())
	}
	body := p.svg
	if asJSON {
		body = p.json
	}
	header := w.Header()
	header["Cache-Control"] = noCache
	header["X-Content-Type-Options"] = noSniff
	header["Content-Security-Policy"] = noActive
	header["Access-Control-Allow-Origin"] = anyOrigin
	header["Etag"] = body.etag
	if match := r.Header.Get("If-None-Match"); match != "" && (match == "*" || strings.Contains(match, body.etag[0])) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header["Content-Type"] = body.kind
	header["Content-Length"] = body.bytel
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.bytes) // the reader went away: nothing to be done
	}
}

// asked is the picture for a request with a query: ?pr=N and ?label=words.
func (s *Service) asked(r *http.Request, recipe string, query url.Values) *picture {
	k := key{recipe: recipe}
	if query.Has("pr") {
		n, err := strconv.Atoi(query.Get("pr"))
		if err != nil || n < 1 {
			return draw(unknownPull, s.Now())
		}
		k.pull = n
	}
	p := s.picture(r.Context(), k)
	if query.Has("label") {
		b := p.badge
		b.Label = cleanLabel(query.Get("label"))
		return draw(b, p.at)
	}
	return p
}
