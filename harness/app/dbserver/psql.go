package dbserver

import (
	"errors"
	"strings"

	"seatrial/harness/app"
	"seatrial/internal/lazyregexp"
)

// psql is PostgreSQL's client. https://www.postgresql.org/docs/current/app-psql.html
//
// Its CSV came with version 12 only, and cannot tell a row with one empty value from no
// row. So it separates values by a zero byte, which no value can hold, and rows by the token.
type psql struct{}

// A file may hold the user's name or password: only in the container can it be read.
const psqlScript = `set -e
unset PGHOST PGHOSTADDR PGSERVICE PGOPTIONS
[ -z "$SEATRIAL_HOST" ] || export PGHOST="$SEATRIAL_HOST"
[ -z "$SEATRIAL_USER_FILE" ] || PGUSER=$(cat "$SEATRIAL_USER_FILE")
[ -z "$SEATRIAL_PASSWORD_FILE" ] || PGPASSWORD=$(cat "$SEATRIAL_PASSWORD_FILE")
export PGUSER PGPASSWORD
exec psql "$@"`

func (psql) command(database, host, token string) ([]string, map[string]string) {
	argv := []string{
		"sh", "-c", psqlScript, "psql", "-X", "-q", "-w", "-A", "-z", "-R", token + rowEnd, "-P", "footer=off", "-P", "null=", "-v", "ON_ERROR_STOP=1",
	}
	// As a variable, a database's name is never taken for a connection string.
	return argv, map[string]string{
		"PGDATABASE": database, "SEATRIAL_HOST": host, "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C",
	}
}

const (
	rowEnd    = "-row"
	answerEnd = "-end\n"
)

func (psql) account(a account, env map[string]string) {
	env["PGUSER"], env["SEATRIAL_USER_FILE"] = a.user, a.userFile
	env["PGPASSWORD"], env["SEATRIAL_PASSWORD_FILE"] = a.password, a.passwordFile
}

func (psql) script(statements []string, token string) string {
	var b strings.Builder
	for _, s := range statements {
		// A comment at a statement's end ends with its line.
		b.WriteString(s + "\n;\n\\echo " + token + strings.TrimSuffix(answerEnd, "\n") + "\n")
	}
	return b.String()
}

func (psql) answers(output, token string) ([]app.Rows, error) {
	parts := strings.Split(output, token+answerEnd)
	if parts[len(parts)-1] != "" {
		return nil, errors.New("psql wrote something after its last answer")
	}
	answers := make([]app.Rows, 0, len(parts)-1)
	for _, part := range parts[:len(parts)-1] {
		rows := app.Rows{}
		if part != "" { // a command, unlike a question, has not even a head
			text, whole := strings.CutSuffix(part, "\n")
			if !whole {
				return nil, errors.New("psql's answer has no end")
			}
			for _, record := range strings.Split(text, token+rowEnd)[1:] {
				rows = append(rows, strings.Split(record, "\x00"))
			}
		}
		answers = append(answers, rows)
	}
	return answers, nil
}

func (psql) starting(complaint string) bool {
	if says(complaint, "the database system is starting up", "the database system is shutting down", "the database system is not yet accepting connections") {
		return true
	}
	return says(complaint, "connection to server", "could not connect to server") && says(complaint, "connection refused", "no such file or directory")
}

func (psql) stranger(complaint string) bool {
	return says(complaint, "authentication failed for user", "no password supplied", "no pg_hba.conf entry") ||
		strings.Contains(complaint, "role ") && strings.Contains(complaint, "FATAL") && strings.Contains(complaint, "does not exist")
}

var psqlPlace = lazyregexp.New(`(?m)^psql:<stdin>:\d+: `)

// message leaves out notices and where in our input a statement stood.
func (psql) message(complaint string) string {
	if i := strings.Index(complaint, "ERROR:"); i >= 0 {
		complaint = complaint[i:]
	}
	return psqlPlace.ReplaceAllString(complaint, "")
}
