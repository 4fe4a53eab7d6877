package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/api"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/secrets"
)

const (
	// askPatience is how long a server that is busy or starts is asked again.
	askPatience = time.Minute
	// askTimeout is for one answer: the server may have to ask a slow forge first.
	askTimeout = 3 * time.Minute
	// biggestAnswer bounds what is read of one, in bytes.
	biggestAnswer = 1 << 20
)

// apiClient talks to a server's API.
type apiClient struct {
	base    string
	token   secrets.Value
	version string // of this program
}

// apiProblem is a server's no.
type apiProblem struct {
	Status       int
	Detail, Next string
}

func (p *apiProblem) Error() string { return printable(p.Detail) + " " + printable(p.Next) }

// ask asks for a run, again and again while the server is busy. The request has a key, so
// that this is one request.
func (a *apiClient) ask(ctx context.Context, request api.RunRequest) (accepted api.Accepted, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return accepted, err
	}
	return accepted, a.patiently(ctx, true, func() error { return a.do(ctx, http.MethodPost, api.RunPath, body, &accepted) })
}

// look reads how it stands with a run.
func (a *apiClient) look(ctx context.Context, id run.ID) (o api.Outcome, err error) {
	return o, a.patiently(ctx, false, func() error { return a.do(ctx, http.MethodGet, api.RunPath+"/"+string(id), nil, &o) })
}

// patiently tries until there is an answer, or the patience is over. Where nobody listens
// at all, that is said at once if the server was never reached: it may be the wrong address.
func (a *apiClient) patiently(ctx context.Context, first bool, try func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = 10 * time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		if no, ok := errors.AsType[*apiProblem](err); ok && no.Status != http.StatusServiceUnavailable && no.Status != http.StatusTooManyRequests {
			return struct{}{}, backoff.Permanent(err)
		}
		if first && (errors.Is(err, syscall.ECONNREFUSED) || isUnknownHost(err)) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(askPatience))
	no, isProblem := errors.AsType[*apiProblem](err)
	switch {
	case err == nil, ctx.Err() != nil:
		return errors.Join(err, ctx.Err())
	case !isProblem:
		return exit.Errorf(exit.Unavailable, "cannot reach the server at %s: %w: is it running, and is --server right?", a.base, err)
	case no.Status == http.StatusUnauthorized:
		return exit.With(exit.Configuration, no)
	case no.Status >= http.StatusInternalServerError, no.Status == http.StatusTooManyRequests:
		return exit.With(exit.Unavailable, no)
	}
	return exit.With(exit.Usage, no)
}

func isUnknownHost(err error) bool {
	unknown, ok := errors.AsType[*net.DNSError](err)
	return ok && unknown.IsNotFound
}

func (a *apiClient) do(ctx context.Context, method, path string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "seatrial/"+a.version)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+a.token.Reveal())
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, biggestAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 == 2 {
		if err := json.Unmarshal(text, into); err != nil {
			return &apiProblem{http.StatusNotFound, "What answers at " + a.base + " is not a seatrial server.", "Name the right one with --server."}
		}
		return nil
	}
	no := &apiProblem{Status: resp.StatusCode}
	if json.Unmarshal(text, no) != nil || no.Detail == "" {
		no.Detail = "The server answered " + strconv.Itoa(resp.StatusCode) + ", which is not how a seatrial server answers."
		no.Next = "Name the right one with --server."
	}
	no.Status = resp.StatusCode
	return no
}
