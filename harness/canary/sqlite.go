package canary

import (
	"fmt"
	"strings"
)

// sqlite knows SQLite. https://sqlite.org/pragma.html#pragma_table_list
//
// Its tables are no views, no virtual tables and what belongs to them (a search index
// can be built anew), and nothing of SQLite's own.
var sqlite = engine{
	mark:  "CREATE TABLE IF NOT EXISTS " + markTable + " (token TEXT PRIMARY KEY)",
	marks: "SELECT '' FROM sqlite_master WHERE type = 'table' AND name = " + literal(markTable),
	catalogue: "SELECT '', t.name, c.name, c.pk, '' FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c" +
		" WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite~_%' ESCAPE '~' AND t.name <> " + literal(markTable) +
		" ORDER BY t.name, c.pk, c.cid",
	impatient: []string{"PRAGMA busy_timeout = 500"},
	quote:     identifier,
	key: func(column, _ string) string {
		return fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN 'NULL' WHEN typeof(%[1]s) = 'blob' THEN hex(substr(%[1]s, 1, 100)) ELSE substr(CAST(%[1]s AS TEXT), 1, 200) END", column)
	},
	join:       func(texts []string) string { return strings.Join(texts, " || char(31) || ") },
	busy:       []string{"database is locked", "database table is locked", "database schema has changed", "sqlite_busy"},
	unwritable: []string{"readonly database", "read-only"},
	unreadable: []string{"no such table", "no such collation", "no such function", "no such module", "unknown tokenizer", "no such tokenizer"},
}
