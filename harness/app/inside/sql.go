package inside

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// busyTimeout is how long a statement waits for the app to let go of its
// database. Apps hold locks for moments; a migration may take seconds.
const busyTimeout = 15 * time.Second

// SQL runs the statements in order, each on its own, on one connection, and
// returns each one's rows as text. NULL is an empty string; a blob that is not
// text is written as x'hex'. The database must exist.
func SQL(ctx context.Context, file string, statements []string) ([][][]string, error) {
	if info, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("cannot open the database: it is not a regular file")
	}
	name := (&url.URL{Path: file}).EscapedPath()
	dsn := "file:" + name + "?mode=rw&_pragma=busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	defer conn.Close()
	answers := make([][][]string, 0, len(statements))
	for _, statement := range statements {
		rows, err := query(ctx, conn, statement)
		if err != nil {
			return nil, fmt.Errorf("cannot run %q: %w", shorten(statement), err)
		}
		answers = append(answers, rows)
	}
	return answers, nil
}

func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

func query(ctx context.Context, conn *sql.Conn, statement string) ([][]string, error) {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	answer := [][]string{}
	for rows.Next() {
		values := make([]any, len(columns))
		pointers := make([]any, len(columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, value := range values {
			row[i] = text(value)
		}
		answer = append(answer, row)
	}
	return answer, rows.Err()
}

func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if utf8.ValidString(v) {
			return v
		}
		return "x'" + hex.EncodeToString([]byte(v)) + "'"
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return "x'" + hex.EncodeToString(v) + "'"
	case time.Time: // the driver parses columns declared as dates
		return v.Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}
