package canary

import (
	"fmt"
	"strings"
)

// mysql knows MySQL and MariaDB. https://mariadb.com/kb/en/information-schema-tables/
//
// Its tables are no views, no tables of other servers, and none that live in memory.
var mysql = engine{
	settings: []string{"SET time_zone = '+00:00'", "SET sql_mode = ''"},
	mark:     "CREATE TABLE IF NOT EXISTS " + markTable + " (token VARCHAR(64) PRIMARY KEY)",
	marks:    "SELECT '' FROM information_schema.tables AS t WHERE table_name = " + literal(markTable) + " AND " + mysqlHere,
	catalogue: `SELECT '', t.table_name, c.column_name, COALESCE(k.seq_in_index, 0) AS place, c.data_type
FROM information_schema.tables AS t
JOIN information_schema.columns AS c ON c.table_schema = t.table_schema AND CAST(c.table_name AS BINARY) = CAST(t.table_name AS BINARY)
LEFT JOIN information_schema.statistics AS k ON k.table_schema = t.table_schema AND CAST(k.table_name AS BINARY) = CAST(t.table_name AS BINARY)
 AND k.index_name = 'PRIMARY' AND k.column_name = c.column_name
WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND t.table_name <> ` + literal(markTable) + `
 AND COALESCE(t.engine, '') NOT IN ('MEMORY', 'BLACKHOLE', 'FEDERATED', 'CONNECT', 'SPIDER')
 AND ` + mysqlHere + ` AND c.table_schema = DATABASE()
ORDER BY CAST(t.table_name AS BINARY), place, c.ordinal_position`,
	quote: func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" },
	key: func(column, kind string) string {
		if strings.HasSuffix(kind, "binary") || strings.HasSuffix(kind, "blob") || kind == "bit" {
			return fmt.Sprintf("HEX(LEFT(%s, 100))", column)
		}
		return fmt.Sprintf("LEFT(CONVERT(%s USING utf8mb4), 200)", column)
	},
	join: func(texts []string) string {
		if len(texts) == 1 {
			return texts[0]
		}
		return "CONCAT(" + strings.Join(texts, ", CHAR(31 USING utf8mb4), ") + ")"
	},
	busy:       []string{"error 1205 ", "error 1213 ", "error 1040 ", "error 1412 "},
	unwritable: []string{"error 1290 ", "error 1792 ", "error 1836 ", "error 1142 ", "error 1044 "},
	unreadable: []string{"error 1146 ", "error 1142 ", "error 1143 "},
}

// mysqlHere is the database that is asked. The catalogue itself does not tell Users from
// users, though they are two on most servers.
const mysqlHere = "t.table_schema = DATABASE() AND CAST(t.table_schema AS BINARY) = CAST(DATABASE() AS BINARY)"
