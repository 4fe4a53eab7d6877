// Package ledger is the app of the example recipe of that name: amounts, written down in
// a PostgreSQL database.
//
// Its version decides how far it migrates the database, as a release's migrations would. It waits for
// the database, migrates it, and then answers. It promises nothing beyond what an example needs.
package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// patience is for a database that is being made.
const patience = 2 * time.Minute

const usage = "usage: ledger | ledger probe"

// Run serves until it is asked to stop; probe asks the one that runs whether it is well.
func Run(ctx context.Context, version string, args []string, env func(string) string, out io.Writer) error {
	port := cmp.Or(env("PORT"), "8080")
	switch {
	case len(args) == 1 && args[0] == "probe":
		return probe(ctx, port)
	case len(args) > 0:
		return errors.New(usage)
	}
	address, err := databaseURL(env)
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := await(ctx, pool, out); err != nil {
		return err
	}
	if err := migrate(ctx, pool, version, out); err != nil {
		return err
	}
	title := cmp.Or(env("LEDGER_TITLE"), "Ledger")
	return serve(ctx, &server{pool: pool, version: version, title: title, out: out}, net.JoinHostPort("", port))
}

// databaseURL is where the database is; its password is in a file, as secrets are.
func databaseURL(env func(string) string) (string, error) {
	for _, name := range []string{"DB_HOST", "DB_USER", "DB_NAME", "DB_PASSWORD_FILE"} {
		if env(name) == "" {
			return "", fmt.Errorf("%s is not set", name)
		}
	}
	password, err := os.ReadFile(env("DB_PASSWORD_FILE"))
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(env("DB_USER"), strings.TrimSpace(string(password))),
		Host: net.JoinHostPort(env("DB_HOST"), "5432"), Path: env("DB_NAME"), RawQuery: "sslmode=disable&connect_timeout=5",
	}
	return u.String(), nil
}

// await waits until the database answers.
func await(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for said := ""; ; {
		err := pool.Ping(ctx)
		if err == nil {
			return nil
		}
		if said != err.Error() {
			said = err.Error()
			fmt.Fprintln(out, "ledger waits for the database:", said)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting for the database: %s", said)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func probe(ctx context.Context, port string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}
