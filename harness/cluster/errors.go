package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/hashicorp/nomad/api"
)

//lint:file-ignore ST1005 Nomad is a name

// What an error of the API can mean. Explain wraps one of these where it can tell.
var (
	ErrUnreachable = errors.New("Nomad does not answer")
	ErrForbidden   = errors.New("Nomad does not allow it")
	ErrBadToken    = errors.New("Nomad does not know the token")
	ErrNotFound    = errors.New("Nomad knows no such thing")
	ErrNoLeader    = errors.New("the Nomad cluster has no leader")
)

// Explain makes an error of the API one that a person can act on. doing says what was
// attempted, such as "dispatch run 01k9…". A nil error stays nil; an error of a context
// stays what it is.
func Explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	next, what := meaning(err)
	if what == nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	return fmt.Errorf("cannot %s: %w%s (%v)", doing, what, next, oneLine(err.Error()))
}

// Is says whether an API error means one of the sentinels above, explained or not.
func Is(err, sentinel error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, sentinel) {
		return true
	}
	_, what := meaning(err)
	return what != nil && what == sentinel
}

func meaning(err error) (next string, what error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return "", nil
	}
	if errors.Is(err, api.ErrVariablePathNotFound) {
		return "", ErrNotFound
	}
	if answer, ok := errors.AsType[api.UnexpectedResponseError](err); ok && answer.HasStatusCode() {
		body := answer.Body()
		switch code := answer.StatusCode(); {
		case strings.Contains(body, "No cluster leader"), strings.Contains(body, "no leader"):
			return ": it will be tried again", ErrNoLeader
		case strings.Contains(body, "ACL token not found"), strings.Contains(body, "ACL token expired"), strings.Contains(body, "ACL token is not valid"), strings.Contains(body, "failed to parse signed token"):
			return ": it was revoked, or expired; give another in NOMAD_TOKEN", ErrBadToken
		case code == http.StatusForbidden:
			return ": the token's policy lacks a capability; seatrial nomad doctor says which", ErrForbidden
		case code == http.StatusNotFound:
			return "", ErrNotFound
		case strings.Contains(body, "nonexistent namespace"), strings.Contains(body, "namespace") && strings.Contains(body, "not found"):
			return ": the namespace does not exist; seatrial nomad setup makes it", ErrNotFound
		}
		return "", nil
	}
	var network net.Error
	if errors.As(err, &network) || strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "EOF") {
		return ": is the address in NOMAD_ADDR right, and does the agent run?", ErrUnreachable
	}
	return "", nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
