package forgetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// nowhere is the address of a server that listens nowhere. Nobody can have such a name.
const nowhere = "http://forge.invalid"

// Transport leads requests to the server without a socket, each on its caller's goroutine:
// inside a testing/synctest bubble only the bubble's clock counts then, which a socket would
// hold up. A connection that the server drops is io.ErrUnexpectedEOF, whole answers are
// given at once, and an answer that came after its request's context ended is lost. It may
// be used from many goroutines, and keeps nothing open.
func (s *Server) Transport() http.RoundTripper { return inProcess{s.http.Handler} }

type inProcess struct{ server http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("cannot read the body of %s %s: %w", r.Method, r.URL.Path, err)
		}
		r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	got := r.Clone(r.Context())
	got.Body, got.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	got.Host, got.RequestURI, got.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "192.0.2.1:1234"
	got.Header = http.Header{}
	for name, values := range r.Header { // on the wire they have no spelling of their own
		got.Header[http.CanonicalHeaderKey(name)] = values
	}
	answer := httptest.NewRecorder()
	if dropped := serve(p.server, answer, got); dropped {
		return nil, io.ErrUnexpectedEOF
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := answer.Result()
	resp.Request = r
	return resp, nil
}

// serve says whether the handler dropped the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (dropped bool) {
	defer func() {
		switch why := recover(); why {
		case nil:
		case http.ErrAbortHandler:
			dropped = true
		default:
			panic(why)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}
