package intake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"seatrial/bridge/forge"
)

// clockSlack is how exactly two clocks are known to each other: a forge's Date header
// has whole seconds and was written a moment ago.
const clockSlack = 2 * time.Second

// clockSetBack is how far a forge's clock must jump before it counts as put back, and how
// far back comments count then.
const clockSetBack = 2 * time.Minute

// enrolments says since when each of a forge's repositories is enrolled, and records
// it for those that are new: comments made before never run.
func (p *Poller) enrolments(ctx context.Context, s Source, repos []forge.Repo) (map[string]time.Time, error) {
	since := make(map[string]time.Time, len(repos))
	for _, r := range repos {
		key := strings.ToLower(r.String())
		scope := enrolledScope(s, key)
		known, _ := p.since.Load(scope)
		at, ok := known.(time.Time)
		if !ok {
			var err error
			if at, err = p.enrolledSince(ctx, s, r, key); err != nil {
				return nil, err
			}
			p.since.Store(scope, at)
		}
		// A clock that was put back makes comments that look older than the enrolment,
		// until it has caught up.
		if now := p.forgeTime(s); at.After(now.Add(clockSetBack)) {
			var err error
			if at, err = p.remember(ctx, s, key, now.Add(-clockSetBack)); err != nil {
				return nil, err
			}
			p.since.Store(scope, at)
		}
		since[key] = at
	}
	return since, nil
}

// enrolledSince reads the time from the ledger, where it lies beside the cursors.
func (p *Poller) enrolledSince(ctx context.Context, s Source, r forge.Repo, key string) (time.Time, error) {
	text, err := p.Memory.Cursor(ctx, enrolledScope(s, key))
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
	return p.remember(ctx, s, key, p.forgeTime(s).Add(-clockSlack))
}

func enrolledScope(s Source, key string) string { return "enrolled:" + s.Forge + ":" + key }

func (p *Poller) remember(ctx context.Context, s Source, key string, at time.Time) (time.Time, error) {
	at = at.UTC().Truncate(time.Second)
	return at, p.Memory.SetCursor(ctx, enrolledScope(s, key), forge.Cursor(at.Format(time.RFC3339)))
}

// forgeTime is what the forge's clock shows now.
func (p *Poller) forgeTime(s Source) time.Time {
	if s.Skew == nil {
		return p.Now()
	}
	return p.Now().Add(s.Skew())
}
