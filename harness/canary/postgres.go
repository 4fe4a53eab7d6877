package canary

import (
	"fmt"
	"strings"
)

// postgres knows PostgreSQL. https://www.postgresql.org/docs/current/catalogs.html
//
// Its tables are no views, no tables of other servers, none that it empties by itself
// (temporary and unlogged ones), and none that an extension brought along, for it brings
// them again. The rows of a partition are its parent's.
var postgres = engine{
	settings: []string{"SET TimeZone = 'UTC'", "SET DateStyle = 'ISO'", "SET IntervalStyle = 'postgres'", "SET bytea_output = 'hex'"},
	mark:     "CREATE TABLE IF NOT EXISTS " + markTable + " (token TEXT PRIMARY KEY)",
	marks: "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" +
		" WHERE c.relkind = 'r' AND c.relname = " + literal(markTable),
	catalogue: `SELECT n.nspname, c.relname, a.attname,
 coalesce((SELECT k.place FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place) WHERE k.attnum = a.attnum AND k.place <= array_length(con.conkey, 1)), 0) AS place, ''
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = c.oid AND con.contype = 'p'
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = con.conindid
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.relname <> ` + literal(markTable) + `
AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname, place, a.attnum`,
	quote:      identifier,
	key:        func(column, _ string) string { return fmt.Sprintf("left(%s::text, 200)", column) },
	join:       func(texts []string) string { return strings.Join(texts, " || chr(31) || ") },
	busy:       []string{"deadlock detected", "could not serialize access", "lock timeout", "too many clients already"},
	unwritable: []string{"in a read-only transaction", "permission denied", "no schema has been selected to create in"},
	unreadable: []string{"permission denied", "does not exist"},
}
