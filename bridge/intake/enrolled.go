package intake

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"seatrial/bridge/forge"
)

// slack is how exactly two clocks are known to each other: a forge's Date header
// has whole seconds and was written a moment ago.
const slack = 2 * time.Second

// marks remembers since when repositories are enrolled, for both loops of each forge.
type marks struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (m *marks) get(forgeID, repo string) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, known := m.at[forgeID+":"+repo]
	return at, known
}

func (m *marks) put(forgeID, repo string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]time.Time{}
	}
	m.at[forgeID+":"+repo] = at
}

// enrolments says since when each of a forge's repositories is enrolled, and records
// it for those that are new: comments made before never run.
func (p *Poller) enrolments(ctx context.Context, s Source, repos []forge.Repo) (map[string]time.Time, error) {
	since := make(map[string]time.Time, len(repos))
	for _, r := range repos {
		key := strings.ToLower(r.String())
		at, known := p.since.get(s.Forge, key)
		if !known {
			var err error
			if at, err = p.enrolledSince(ctx, s, r, key); err != nil {
				return nil, err
			}
			p.since.put(s.Forge, key, at)
		}
		since[key] = at
	}
	return since, nil
}

// enrolledSince reads the time from the ledger, where it lies beside the cursors.
func (p *Poller) enrolledSince(ctx context.Context, s Source, r forge.Repo, key string) (time.Time, error) {
	name := "enrolled:" + s.Forge + ":" + key
	text, err := p.Memory.Cursor(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	if text != "" {
		at, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			return time.Time{}, fmt.Errorf("cannot read since when %s is enrolled: %w", r, err)
		}
		return at, nil
	}
	at := p.Now()
	if s.Skew != nil {
		at = at.Add(s.Skew())
	}
	at = at.Add(-slack).UTC().Truncate(time.Second)
	return at, p.Memory.SetCursor(ctx, name, forge.Cursor(at.Format(time.RFC3339)))
}
