package stage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"seatrial/harness/run"
)

// integrityLimit is for one database. A healthy one of a test run takes milliseconds.
const integrityLimit = 2 * time.Minute

// integrity asks a copied database whether it is whole. A database that needs an
// extension which is not here, or more time than there is, proves nothing.
func (x *exam) integrity(ctx context.Context, name, folder string) error {
	file := filepath.Join(folder, "db")
	info, err := os.Stat(file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the snapshot no longer holds %s", name)
		}
		return fmt.Errorf("cannot examine %s: %w", name, err)
	}
	if info.Size() > largestDatabase {
		x.warn(fmt.Sprintf("%s is larger than %d GiB, its integrity was not checked", name, largestDatabase>>30))
		return nil
	}
	inner, cancel := context.WithTimeout(ctx, integrityLimit)
	defer cancel()
	lines, err := integrityCheck(inner, file)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case inner.Err() != nil:
		x.warn(fmt.Sprintf("the integrity check of %s was given up after %s", name, integrityLimit))
		return nil
	case err != nil:
		lines = []string{err.Error()}
	case len(lines) == 1 && lines[0] == "ok":
		return nil
	}
	if foreign(lines) {
		x.warn(fmt.Sprintf("the integrity of %s could not be checked here: %s", name, lines[0]))
		return nil
	}
	return &run.Fault{
		Summary:  fmt.Sprintf("the backup holds a damaged database: %s", name),
		Evidence: append([]string{"PRAGMA integrity_check:"}, lines...),
		Hint:     "copy a database with its own means (VACUUM INTO, .backup), not while it is written to",
	}
}

// integrityCheck trusts nothing in the file: its schema may call no function that has effects.
func integrityCheck(ctx context.Context, file string) (lines []string, err error) {
	name := url.URL{Scheme: "file", Path: file, RawQuery: "mode=rw&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=busy_timeout(1000)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(10)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, rows.Err()
}

// foreign says whether the database needs what this program's SQLite does not have.
func foreign(lines []string) bool {
	for _, line := range lines {
		for _, need := range []string{"no such module", "no such collation", "no such function", "unknown function", "unsafe use of", "unknown tokenizer", "no such tokenizer"} {
			if strings.Contains(line, need) {
				return true
			}
		}
	}
	return false
}
