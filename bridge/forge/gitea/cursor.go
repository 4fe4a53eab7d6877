package gitea

import (
	"encoding/json"
	"fmt"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// cursor is what a forge.Cursor of ours holds. All times are the server's.
type cursor struct {
	adapter.Mark
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

// back is the cursor after the server's clock was put back behind it: from now, less the overlap.
func (c cursor) back(serverNow time.Time) (cursor, bool) {
	earlier, moved := c.Back(serverNow)
	if !moved {
		return c, false
	}
	return cursor{Mark: earlier}, true
}
