package gitea

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"seatrial/bridge/forge"
)

// answerError is an answer that is no use: a status that is none of success, or a
// body that is not what an API answers.
type answerError struct {
	method, path string
	status       int
	why          string        // "the answer is not JSON"; empty where the status says it
	beginning    string        // of the body, harmless to print
	location     string        // of a redirect
	retryAfter   time.Duration // as the server wished
}

func (e *answerError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d %s", e.method, e.path, e.status, http.StatusText(e.status))
	if e.why != "" {
		b.WriteString(", " + e.why)
	}
	if e.location != "" {
		b.WriteString(", redirected to " + e.location)
	}
	if e.beginning != "" {
		fmt.Fprintf(&b, ": %s", e.beginning)
	}
	return b.String()
}

// Is lets callers decide by the errors of package forge.
func (e *answerError) Is(target error) bool {
	if e.why != "" {
		return false
	}
	switch target {
	case forge.ErrNotFound:
		return e.status == http.StatusNotFound
	case forge.ErrForbidden:
		return e.status == http.StatusForbidden
	case forge.ErrUnauthorized:
		return e.status == http.StatusUnauthorized
	}
	return false
}

// temporary says whether the same question may get a better answer soon.
func (e *answerError) temporary() bool {
	return e.status >= 500 || e.status == http.StatusTooManyRequests || e.why != ""
}

// brokenError is a request without an answer.
type brokenError struct {
	method, path string
	cause        error
}

func (e *brokenError) Error() string { return fmt.Sprintf("%s %s: %v", e.method, e.path, e.cause) }
func (e *brokenError) Unwrap() error { return e.cause }

// plain strips the wrapping of net/http, which repeats the whole address, off our own errors.
func plain(err error) error {
	var answer *answerError
	if errors.As(err, &answer) {
		return answer
	}
	var broken *brokenError
	if errors.As(err, &broken) {
		return broken
	}
	return err
}

// failed words an error: what was attempted, then why.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	err = plain(err)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return fmt.Errorf("cannot %s: %w", what, wrapped{err, forge.ErrNotFound})
	case errors.Is(err, forge.ErrForbidden):
		return fmt.Errorf("cannot %s: %w", what, wrapped{err, forge.ErrForbidden})
	case errors.Is(err, forge.ErrUnauthorized):
		return fmt.Errorf("cannot %s: %w", what, wrapped{err, forge.ErrUnauthorized})
	}
	return fmt.Errorf("cannot %s: %w", what, err)
}

// wrapped is an answer together with what it means.
type wrapped struct{ answer, means error }

func (w wrapped) Error() string   { return w.means.Error() + ": " + w.answer.Error() }
func (w wrapped) Unwrap() []error { return []error{w.means, w.answer} }

// beginningOf is what an error shows of a body: one short line without anything
// that a terminal or a browser would act on.
func beginningOf(body []byte) string {
	const most = 200
	cut := len(body) > 4*most
	if cut {
		body = body[:4*most]
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, string(body))
	clean = strings.Join(strings.Fields(clean), " ")
	if runes := []rune(clean); len(runes) > most {
		clean, cut = string(runes[:most]), true
	}
	if cut {
		clean += "…"
	}
	return clean
}
