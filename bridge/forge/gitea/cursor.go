package gitea

import (
	"encoding/json"
	"fmt"
	"time"

	"seatrial/bridge/forge"
)

// overlap is how far a feed looks back behind the newest thing that it saw: longer
// than the search index lags, and than two database nodes disagree about the time.
const overlap = 2 * time.Minute

// cursor is what a forge.Cursor of ours holds. All times are the server's.
type cursor struct {
	// Start is when the feed began. Nothing older is ever asked for.
	Start time.Time `json:"start"`
	// Newest is the newest change that was read.
	Newest time.Time `json:"newest,omitzero"`
	// Read holds, for an organisation, the pull requests that changed within the overlap
	// and whose comments were read, with the time of that change: they need not be
	// read again until they change.
	Read map[string]int64 `json:"read,omitempty"`
	// Owed holds, for an organisation, the repositories whose comments could not be read,
	// and since when they are wanted.
	Owed map[string]time.Time `json:"owed,omitempty"`
}

func (c *cursor) owe(repo forge.Repo, since time.Time) {
	if c.Owed == nil {
		c.Owed = map[string]time.Time{}
	}
	c.Owed[repo.String()] = since
}

func parseCursor(c forge.Cursor) (cursor, error) {
	var parsed cursor
	if err := json.Unmarshal([]byte(c), &parsed); err != nil {
		return cursor{}, fmt.Errorf("cannot read the cursor %.80q: %w", string(c), err)
	}
	if parsed.Start.IsZero() {
		return cursor{}, fmt.Errorf("cannot read the cursor %.80q: it has no start", string(c))
	}
	return parsed, nil
}

func (c cursor) encode() forge.Cursor {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // times, strings and numbers always encode
	}
	return forge.Cursor(text)
}

// since is what to ask the server for: changes at or after it, in whole seconds.
func (c cursor) since() time.Time {
	back := c.Newest.Add(-overlap)
	if c.Newest.IsZero() || back.Before(c.Start) {
		return c.Start
	}
	return back
}

// saw moves the cursor on. A change from the future, as the server itself tells the
// time, does not count: the clock may be put right again, and then everything until
// that future would be missed.
func (c *cursor) saw(updated, serverNow time.Time) {
	if updated.After(c.Newest) && !updated.After(serverNow.Add(overlap)) {
		c.Newest = updated.UTC()
	}
}

// back is the cursor after the server's clock was put back behind it: from now, less the overlap.
func (c cursor) back(serverNow time.Time) (cursor, bool) {
	limit := serverNow.Add(overlap)
	if !c.Start.After(limit) && !c.Newest.After(limit) {
		return c, false
	}
	return cursor{Start: serverNow.Add(-overlap).UTC()}, true
}
