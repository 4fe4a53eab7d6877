// Package respond writes what programs are answered: JSON, a sentence, or a problem, which
// says why not and what to do about it (RFC 9457).
//
// What it writes is never run, kept or framed by a browser, and tells nobody the address
// that was asked for, which may hold a token. It decides nothing and logs nothing.
package respond

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// JSON answers with a value.
func JSON(w http.ResponseWriter, status int, value any) {
	write(w, status, "application/json", encode(value))
}

// Text answers with a text.
func Text(w http.ResponseWriter, status int, text string) {
	write(w, status, "text/plain; charset=utf-8", []byte(text))
}

// RetryAfter says when to ask again, in whole seconds.
func RetryAfter(h http.Header, wait time.Duration) {
	h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
}

// Brief is a stranger's word at a length that a log can bear.
func Brief(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func encode(value any) []byte {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(err) // what is answered is made of texts, numbers and times
	}
	return append(text, '\n')
}

func write(w http.ResponseWriter, status int, kind string, content []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(content) // the reader went away: nothing to be done
}
