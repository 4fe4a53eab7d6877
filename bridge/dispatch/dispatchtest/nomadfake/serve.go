package nomadfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ask is one request.
type ask struct {
	*http.Request
	w         http.ResponseWriter
	namespace string
	token     *token
}

func (q *ask) param(name string) string { return q.URL.Query().Get(name) }

// flag is a parameter that is true or false.
func (q *ask) flag(name string) bool {
	is, _ := strconv.ParseBool(q.param(name))
	return is
}

// body decodes what was sent.
func (q *ask) body(into any) error {
	if err := json.NewDecoder(q.Body).Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	return nil
}

// refusal is an answer that is none of the good ones.
type refusal struct {
	code int
	text string
}

func (r refusal) Error() string { return r.text }

func refuse(code int, format string, args ...any) error {
	return refusal{code, fmt.Sprintf(format, args...)}
}

// fault is a refusal as Nomad's servers word most of theirs.
func fault(format string, args ...any) error {
	return refuse(http.StatusInternalServerError, format, args...)
}

// sent is returned by who has written the answer himself.
type sent struct{}

// route says who answers what. Answers are made, and written, while nothing changes; but
// those of files and streams take as long as they take.
type route struct {
	pattern string
	answer  func(*Fake, *ask) (any, error)
	long    bool
	lax     bool // it is answered whoever asks, and looks at the token by itself
}

func routes() []route {
	var all []route
	for _, some := range [][]route{jobRoutes(), allocationRoutes(), nodeRoutes(), accessRoutes(), streamRoutes(), fileRoutes(), variableRoutes(), steerRoutes()} {
		all = append(all, some...)
	}
	return all
}

func (f *Fake) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { f.serve(r, w, req) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		f.complain("nothing answers %s %s", req.Method, req.URL.Path)
		http.Error(w, "Invalid method", http.StatusNotFound)
	})
	return mux
}

func (f *Fake) serve(r route, w http.ResponseWriter, req *http.Request) {
	q := &ask{Request: req, w: w, namespace: req.URL.Query().Get("namespace")}
	f.ledger.count(r, q)
	if q.namespace == "" {
		q.namespace = "default"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var got any
	err := f.admit(r, q)
	if err == nil {
		if r.long {
			f.mu.Unlock()
			got, err = r.answer(f, q)
			f.mu.Lock()
		} else {
			got, err = r.answer(f, q)
		}
	}
	f.write(w, got, err)
}

// admit looks at what every request needs: a leader, unless a node answers it, and a
// token that is known.
func (f *Fake) admit(r route, q *ask) error {
	if f.noLeader && !strings.Contains(r.pattern, "/v1/client/fs/") {
		return fault("No cluster leader")
	}
	if err := f.authenticate(q); !r.lax {
		return err
	}
	return nil
}

func (f *Fake) write(w http.ResponseWriter, got any, err error) {
	if err != nil {
		why, ok := err.(refusal)
		if !ok {
			why = refusal{http.StatusInternalServerError, err.Error()}
		}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(why.code)
		_, _ = w.Write([]byte(why.text))
		return
	}
	if (got == sent{}) {
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if header.Get("X-Nomad-Index") == "" {
		header.Set("X-Nomad-Index", strconv.FormatUint(f.index, 10))
	}
	header.Set("X-Nomad-LastContact", "0")
	header.Set("X-Nomad-KnownLeader", strconv.FormatBool(!f.noLeader))
	if c, ok := got.(conflict); ok {
		w.WriteHeader(http.StatusConflict)
		got = c.with
	}
	if got != nil {
		_ = json.NewEncoder(w).Encode(got)
	}
}

// conflict answers a write that somebody else was faster with.
type conflict struct{ with any }
