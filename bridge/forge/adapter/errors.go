package adapter

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"seatrial/bridge/forge"
)

// Error is an answer that is no use: a status that is none of success, or a body that
// is not what an API answers. It is the errors of package forge that its status means.
type Error struct {
	Method, Path string
	Status       int
	Why          string        // "the answer is not JSON"; empty where the status says it
	Beginning    string        // of the body, harmless to print
	Location     string        // of a redirect, harmless to print
	RetryAfter   time.Duration // as the server wished; 0 where it did not say
	Limited      *forge.LimitedError
	Moved        bool   // the thing has another name now
	NewName      string // owner/name of a repository that has moved, where the forge tells it; harmless to print
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Why != "" {
		b.WriteString(", " + e.Why)
	}
	if e.Location != "" {
		b.WriteString(", redirected to " + e.Location)
	}
	if e.Beginning != "" {
		fmt.Fprintf(&b, ": %s", e.Beginning)
	}
	switch {
	case e.Moved && e.NewName != "":
		b.WriteString("; it was renamed or moved, and is called " + e.NewName + " now: write that into its enrolment")
	case e.Moved:
		b.WriteString("; it was renamed or moved, so use its new name")
	}
	return b.String()
}

// Is lets callers decide by the errors of package forge. An answer that only asks us to
// wait says nothing about the thing that was asked for.
func (e *Error) Is(target error) bool {
	if e.Why != "" || e.Limited != nil {
		return false
	}
	switch target {
	case forge.ErrNotFound:
		return e.Status == http.StatusNotFound || e.Moved
	case forge.ErrForbidden:
		return e.Status == http.StatusForbidden
	case forge.ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	}
	return false
}

// Unwrap is until when we are to wait, if that is what the answer says.
func (e *Error) Unwrap() error {
	if e.Limited == nil {
		return nil
	}
	return e.Limited
}

// Temporary says whether the same question may get a better answer soon.
func (e *Error) Temporary() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Why != ""
}

// BrokenError is a request without an answer.
type BrokenError struct {
	Method, Path string
	Cause        error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("%s %s: %v", e.Method, e.Path, e.Cause) }
func (e *BrokenError) Unwrap() error { return e.Cause }

// Silent says whether an error means that there was no answer, or none from a forge that
// is well. An answer that refuses, or asks us to wait, is one.
func Silent(err error) bool {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.Temporary() && answer.Limited == nil
	}
	_, broken := errors.AsType[*BrokenError](err)
	return broken
}

// Plain strips the wrapping of net/http, which repeats the whole address, off our own errors.
func Plain(err error) error {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer
	}
	if broken, ok := errors.AsType[*BrokenError](err); ok {
		return broken
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// Failed words an error: what was attempted, then why. It is nil if err is.
func Failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	err = Plain(err)
	for _, means := range []error{forge.ErrNotFound, forge.ErrForbidden, forge.ErrUnauthorized} {
		if errors.Is(err, means) {
			return fmt.Errorf("cannot %s: %w", what, meaning{err, means})
		}
	}
	if limited, ok := errors.AsType[*forge.LimitedError](err); ok && limited != err {
		return fmt.Errorf("cannot %s: %w", what, meaning{err, limited})
	}
	return fmt.Errorf("cannot %s: %w", what, err)
}

// meaning is an answer together with what it means.
type meaning struct{ answer, means error }

func (m meaning) Error() string {
	if said := m.answer.Error(); !strings.HasPrefix(said, m.means.Error()) {
		return m.means.Error() + ": " + said
	}
	return m.answer.Error()
}
func (m meaning) Unwrap() []error { return []error{m.means, m.answer} }

// Beginning is what an error shows of a body: one short line without anything that a
// terminal or a browser would act on.
func Beginning(body []byte) string {
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

// AccessError says what somebody must do so that we can work: it does not pass by
// itself.
type AccessError struct{ Err error }

func (e *AccessError) Error() string { return e.Err.Error() }
func (e *AccessError) Unwrap() error { return e.Err }

// CannotWork makes an AccessError, whose text begins with "cannot work".
func CannotWork(format string, args ...any) error {
	return &AccessError{fmt.Errorf("cannot work "+format, args...)}
}
