package dbserver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/harness/app"
)

const (
	// startsWithin is how long a server that does not answer yet is waited for.
	startsWithin = 30 * time.Second
	// shownError is how much of a client's complaint is told.
	shownError = 2 << 10
)

// Exec runs a command in the service's container. A program that ends with another exit
// code than 0 is no error.
type Exec func(ctx context.Context, argv []string, env map[string]string, stdin io.Reader, stdout, stderr io.Writer) (exit int, err error)

// client is the program that talks to one kind of server.
type client interface {
	// command is what runs it.
	command(database, host, token string) (argv []string, env map[string]string)
	// script is what it reads: the statements, and the token between their answers.
	script(statements []string, token string) string
	// answers reads what it wrote, one answer for each statement.
	answers(output, token string) ([]app.Rows, error)
	// account adds who asks to the environment.
	account(a account, env map[string]string)
	// starting says whether its complaint means that the server is not up yet. No
	// statement was run then.
	starting(complaint string) bool
	// stranger says whether its complaint means that the server does not know the account.
	stranger(complaint string) bool
	// message is the database's own message in the complaint.
	message(complaint string) string
}

var clients = map[string]client{"postgres": psql{}, "mysql": mysql{}}

// ask asks in a database until a server answers. It tries the server's own socket and,
// where there is none, the address that only the container sees.
func (s Server) ask(ctx context.Context, exec Exec, database string, statements []string) ([]app.Rows, error) {
	hosts, said, turn := []string{"", "127.0.0.1"}, []string{"", ""}, 0
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = 2 * time.Second
	answers, err := backoff.Retry(ctx, func() ([]app.Rows, error) {
		answers, err := s.askAs(ctx, exec, database, hosts[turn], statements)
		var no refusal
		switch {
		case err == nil:
			return answers, nil
		case errors.As(err, &no) && no.starting:
			said[turn] = no.message
			turn = 1 - turn
			return nil, err
		}
		return nil, backoff.Permanent(err)
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(startsWithin))
	if no, ok := errors.AsType[refusal](err); ok && no.starting {
		return nil, fmt.Errorf("gave up after %s: %s", startsWithin, strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), "; "))
	}
	return answers, err
}

// refusal is what a client complains about.
type refusal struct {
	message            string
	starting, stranger bool
}

func (r refusal) Error() string { return r.message }

// askAs asks once, as the first account that the server knows.
func (s Server) askAs(ctx context.Context, exec Exec, database, host string, statements []string) ([]app.Rows, error) {
	var first error
	for _, a := range s.accounts {
		answers, err := s.askOnce(ctx, exec, a, database, host, statements)
		var no refusal
		if err == nil || !errors.As(err, &no) || !no.stranger {
			return answers, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func (s Server) askOnce(ctx context.Context, exec Exec, a account, database, host string, statements []string) ([]app.Rows, error) {
	c, token := clients[s.Engine], rand.Text()
	argv, env := c.command(database, host, token)
	c.account(a, env)
	var stdout, stderr bytes.Buffer
	exit, err := exec(ctx, argv, env, strings.NewReader(c.script(statements, token)), &stdout, &stderr)
	if err != nil {
		return nil, err
	}
	if exit != 0 {
		complaint := cmp.Or(strings.TrimSpace(stderr.String()), fmt.Sprintf("%s ended with exit code %d and said nothing", argv[0], exit))
		return nil, refusal{clip(c.message(complaint)), c.starting(complaint), c.stranger(complaint)}
	}
	answers, err := c.answers(stdout.String(), token)
	if err == nil && len(answers) != len(statements) {
		err = fmt.Errorf("%d statements were asked, and %d were answered", len(statements), len(answers))
	}
	return answers, err
}

func clip(text string) string {
	if len(text) <= shownError {
		return text
	}
	return strings.ToValidUTF8(text[:shownError], "") + "…"
}

func says(text string, pieces ...string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(pieces, func(piece string) bool { return strings.Contains(text, piece) })
}
