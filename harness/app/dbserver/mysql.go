package dbserver

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"seatrial/harness/app"
	"seatrial/internal/lazyregexp"
)

// mysql is the client of MySQL and of MariaDB.
// https://mariadb.com/kb/en/mariadb-command-line-client/
//
// Its plain output writes no value at all as the text NULL; its XML does not. That XML
// is no XML that a parser would read, for it writes any byte as it is; but the signs
// that it is made of are never part of a value.
type mysql struct{}

// MySQL's images have mysql, MariaDB's newer ones only mariadb.
const mysqlScript = `set -e
unset MYSQL_HOST
program=$(command -v mariadb || command -v mysql) || { echo "neither mariadb nor mysql is there" >&2; exit 127; }
[ -z "$SEATRIAL_USER_FILE" ] || SEATRIAL_USER=$(cat "$SEATRIAL_USER_FILE")
[ -z "$SEATRIAL_PASSWORD_FILE" ] || MYSQL_PWD=$(cat "$SEATRIAL_PASSWORD_FILE")
export MYSQL_PWD
exec "$program" --user="$SEATRIAL_USER" "$@"`

func (mysql) command(database, host, _ string) ([]string, map[string]string) {
	argv := []string{
		"sh", "-c", mysqlScript, "mysql", "--xml", "--binary-mode", "--no-auto-rehash", "--skip-force", "--local-infile=0",
		"--default-character-set=utf8mb4", "--connect-timeout=10",
	}
	host = cmp.Or(host, "localhost") // means the socket
	argv = append(argv, "--host="+host)
	if database != "" {
		argv = append(argv, "--database="+database)
	}
	return argv, map[string]string{"LC_ALL": "C"}
}

func (mysql) account(a account, env map[string]string) {
	env["SEATRIAL_USER"], env["SEATRIAL_USER_FILE"] = a.user, a.userFile
	env["MYSQL_PWD"], env["SEATRIAL_PASSWORD_FILE"] = a.password, a.passwordFile
}

func (mysql) script(statements []string, token string) string {
	var b strings.Builder
	for _, s := range statements {
		b.WriteString(s + "\n;\nSELECT '" + token + "' AS seatrial;\n")
	}
	return b.String()
}

func (mysql) answers(output, token string) ([]app.Rows, error) {
	sets, err := resultSets(output)
	if err != nil {
		return nil, fmt.Errorf("cannot read the client's answer: %w", err)
	}
	var answers []app.Rows
	rows, open := app.Rows{}, false
	for _, set := range sets {
		if len(set) == 1 && len(set[0]) == 1 && set[0][0] == token {
			answers, rows, open = append(answers, rows), app.Rows{}, false
			continue
		}
		rows, open = append(rows, set...), true // a procedure answers with several
	}
	if open {
		return nil, errors.New("the client answered after its last answer")
	}
	return answers, nil
}

// resultSets reads the client's XML.
func resultSets(xml string) ([]app.Rows, error) {
	var sets []app.Rows
	for {
		_, rest, more := strings.Cut(xml, "<resultset")
		if !more {
			return sets, nil
		}
		set, after, whole := strings.Cut(rest, "</resultset>")
		if !whole {
			return nil, errors.New("it ends within a result")
		}
		rows, err := resultRows(set)
		if err != nil {
			return nil, err
		}
		sets, xml = append(sets, rows), after
	}
}

func resultRows(set string) (app.Rows, error) {
	rows := app.Rows{}
	for {
		_, rest, more := strings.Cut(set, "<row>")
		if !more {
			return rows, nil
		}
		row, after, whole := strings.Cut(rest, "</row>")
		if !whole {
			return nil, errors.New("it ends within a row")
		}
		values := []string{}
		for {
			_, field, more := strings.Cut(row, "<field ")
			if !more {
				break
			}
			attributes, content, whole := strings.Cut(field, ">")
			if !whole {
				return nil, errors.New("it ends within a field's name")
			}
			if strings.HasSuffix(attributes, `xsi:nil="true" /`) {
				values, row = append(values, ""), content
				continue
			}
			value, next, whole := strings.Cut(content, "</field>")
			if !whole {
				return nil, errors.New("it ends within a field")
			}
			values, row = append(values, unescape.Replace(value)), next
		}
		rows, set = append(rows, values), after
	}
}

var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`)

func (mysql) starting(complaint string) bool {
	return says(complaint, "error 2002 ", "error 2003 ", "error 1053 ", "at 'handshake'", "at 'reading initial communication packet'")
}

func (mysql) stranger(complaint string) bool {
	return says(complaint, "error 1045 ", "error 1698 ", "error 1130 ")
}

var mysqlPlace = lazyregexp.New(`(ERROR \d+ \(\w+\)) at line \d+`)

// message leaves out warnings and where in our input a statement stood.
func (mysql) message(complaint string) string {
	if i := strings.Index(complaint, "ERROR "); i >= 0 {
		complaint = complaint[i:]
	}
	return mysqlPlace.ReplaceAllString(complaint, "$1")
}
