package check

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/gateway"
	"seatrial/harness/run"
	"seatrial/internal/hidden"
	"seatrial/recipes"
)

// build makes the HTTP request of a step.
func (r *Runner) build(ctx context.Context, q recipes.Request, fill *filler) (*http.Request, string, error) {
	body, kind, err := encode(q, fill)
	if err != nil {
		return nil, "", err
	}
	method := q.Method
	if method == "" {
		method = http.MethodGet
		if body != nil {
			method = http.MethodPost
		}
	}
	path := fill.text(q.Path)
	headers := map[string]string{}
	for name, value := range q.Headers {
		headers[name] = fill.text(value)
	}
	if fill.missing != "" {
		return nil, "", fill.fault()
	}
	base, err := url.Parse(r.BaseURL)
	if err != nil {
		return nil, "", fmt.Errorf("cannot use the app's address: %w", err)
	}
	ref, err := url.Parse(path)
	if err != nil || ref.IsAbs() || ref.Host != "" || !strings.HasPrefix(path, "/") {
		return nil, "", &run.Fault{Summary: fmt.Sprintf("%q is not a path on the app's host", path), Hint: "Write a path that begins with one slash."}
	}
	request, err := http.NewRequestWithContext(ctx, method, base.ResolveReference(ref).String(), bytes.NewReader(body))
	if err != nil {
		return nil, "", &run.Fault{Summary: fmt.Sprintf("%s %s is not a request: %v", method, path, err)}
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	for name, value := range headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return request, method + " " + path, nil
}

// encode makes the body: as it is, as JSON, or as a form.
func encode(q recipes.Request, fill *filler) (body []byte, kind string, err error) {
	switch {
	case q.JSON != nil:
		body, err = json.Marshal(fill.value(q.JSON))
		if err != nil {
			return nil, "", &run.Fault{Summary: fmt.Sprintf("the step's JSON cannot be encoded: %v", err)}
		}
		return body, "application/json", nil
	case q.Form != nil:
		form := url.Values{}
		for name, value := range q.Form {
			form.Set(name, fill.text(value))
		}
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	case q.Body != "":
		return []byte(fill.text(q.Body)), "text/plain; charset=utf-8", nil
	}
	return nil, "", nil
}

func (r *Runner) request(ctx context.Context, q recipes.Request, want recipes.Expect, fill *filler) (answer, error) {
	request, asked, err := r.build(ctx, q, fill)
	if err != nil {
		return answer{}, err
	}
	client := *r.Client
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		switch {
		case want.Status >= 300 && want.Status < 400:
			return http.ErrUseLastResponse
		case next.URL.Scheme != request.URL.Scheme || !strings.EqualFold(next.URL.Host, request.URL.Host):
			return http.ErrUseLastResponse // elsewhere is not the app
		case len(via) > maxRedirects:
			return errTooManyRedirects
		}
		return nil
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, silent(ctx, asked, err)
	}
	defer response.Body.Close()
	if response.Header.Get(gateway.RefusedHeader) != "" {
		// Whatever status is expected, this one is not the app's.
		return answer{}, &run.Fault{Summary: fmt.Sprintf("%s was not answered: the app did not take the connection, or broke it off", asked)}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return answer{}, silent(ctx, asked, err)
	}
	got := answer{asked: asked, status: response.StatusCode, header: response.Header, body: string(body)}
	if len(body) > maxBody {
		got.body, got.cut = got.body[:maxBody], true
	}
	return got, nil
}

var errTooManyRedirects = fmt.Errorf("it redirects more than %d times", maxRedirects)

// silent tells an app that does not answer from a run that ended meanwhile.
func silent(ctx context.Context, asked string, err error) error {
	if fault, ours := ended(ctx, asked, "was not answered"); fault != nil || ours != nil {
		return cmp.Or(fault, ours)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if _, wrong := errors.AsType[*tls.CertificateVerificationError](err); wrong {
		// The certificate is that of what stands before the app.
		return fmt.Errorf("cannot ask %s: %w", asked, err)
	}
	return &run.Fault{Summary: fmt.Sprintf("%s was not answered: %s", asked, hidden.Blot(err.Error()))}
}

// ended says whether the step ended because it was too slow, which is the app's
// fault, or because the run did, which is nobody's.
func ended(ctx context.Context, asked, what string) (fault, ours error) {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return nil, nil
	case errors.Is(cause, errTooSlow):
		return &run.Fault{Summary: fmt.Sprintf("%s %s within %s", asked, what, stepLimit)}, nil
	default:
		return nil, fmt.Errorf("%s %s: %w", asked, what, cause)
	}
}

func (r *Runner) exec(ctx context.Context, c recipes.CommandLine, fill *filler) (answer, error) {
	command := app.Command{Shell: c.Shell}
	for _, arg := range c.Args {
		command.Args = append(command.Args, fill.text(arg))
	}
	if fill.missing != "" {
		return answer{}, fill.fault()
	}
	asked := "`" + c.String() + "`"
	result, err := r.Exec.Exec(ctx, command)
	if err != nil {
		if fault, _ := ended(ctx, asked, "did not end"); fault != nil {
			return answer{}, fault
		}
		return answer{}, err
	}
	return answer{asked: asked, exit: result.ExitCode, body: result.Output}, nil
}
