package store

import (
	"database/sql"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Reader reads over connections of its own: it waits neither for who writes nor for
// another Reader. All methods may be called at once.
type Reader struct {
	pool *sql.DB
	*shared
}

// shared is what all readers of one file have in common.
type shared struct {
	path    string
	changed broadcast     // sent when the file may hold something new
	version atomic.Uint64 // rises with every change of the file that we know of
	reports *lru.Cache[run.ID, folded]
	badges  *lru.Cache[badgeKey, badgeAnswer]
}

// Pages is the reader for the dashboard: however many pages are read, and however
// slowly, the bridge's own questions do not wait for them.
func (db *DB) Pages() *Reader { return &db.pages }

// folded is a run's report as of a position. It is never changed: see Clone.
type folded struct {
	position journal.Position
	report   run.Report
}
