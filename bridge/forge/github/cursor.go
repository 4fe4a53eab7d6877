package github

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// cursor is what a forge.Cursor of ours holds. All times are the server's.
type cursor struct {
	// Mark is of a repository's feed; of an organisation's, when it began.
	adapter.Mark
	// Repos are, for an organisation, how far each of its repositories was read, by its
	// name in lower case. Each has a mark of its own, so that one that is busy does not
	// change the questions about the others, which would cost.
	Repos map[string]adapter.Mark `json:"repos,omitempty"`
}

func parseCursor(c forge.Cursor) (cursor, error) {
	var parsed cursor
	if err := json.Unmarshal([]byte(c), &parsed); err != nil {
		return cursor{}, fmt.Errorf("cannot read the cursor %.80q: %w", string(c), err)
	}
	if parsed.Start.IsZero() {
		return cursor{}, fmt.Errorf("cannot read the cursor %.80q: it has no start", string(c))
	}
	for name, mark := range parsed.Repos {
		if mark.Start.IsZero() {
			return cursor{}, fmt.Errorf("cannot read the cursor %.80q: %q has no start", string(c), name)
		}
	}
	return parsed, nil
}

func (c cursor) encode() forge.Cursor {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // times and strings always encode
	}
	return forge.Cursor(text)
}

// begin is the cursor of a feed that begins now.
func begin(scope forge.Scope, now time.Time) cursor {
	c := cursor{Mark: adapter.Mark{Start: now}}
	for _, r := range scope.Repos {
		c.set(r, c.Mark)
	}
	return c
}

func (c *cursor) of(r forge.Repo) (adapter.Mark, bool) {
	m, ok := c.Repos[strings.ToLower(r.String())]
	return m, ok
}

func (c *cursor) set(r forge.Repo, m adapter.Mark) {
	if c.Repos == nil {
		c.Repos = map[string]adapter.Mark{}
	}
	c.Repos[strings.ToLower(r.String())] = m
}
