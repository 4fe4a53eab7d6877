package adapter

import "time"

// Overlap is how far a feed looks back behind the newest thing that it saw: longer than
// a search index lags, and than two database nodes disagree about the time.
const Overlap = 2 * time.Minute

// Mark says how far a feed was read. All times are the server's.
type Mark struct {
	// Start is when the feed began. Nothing older is ever asked for.
	Start time.Time `json:"start"`
	// Newest is the newest change that was read.
	Newest time.Time `json:"newest,omitzero"`
}

// Since is what to ask the server for: changes at or after it, in whole seconds. It
// stays the same until something new was read.
func (m Mark) Since() time.Time {
	back := m.Newest.Add(-Overlap)
	if m.Newest.IsZero() || back.Before(m.Start) {
		return m.Start
	}
	return back
}

// Saw moves the mark on. A change from the future, as the server itself tells the
// time, does not count: the clock may be put right again, and then everything until
// that future would be missed.
func (m *Mark) Saw(updated, serverNow time.Time) {
	if updated.After(m.Newest) && !updated.After(serverNow.Add(Overlap)) {
		m.Newest = updated.UTC()
	}
}

// Back is the mark after the server's clock was put back behind it: from now, less the
// overlap.
func (m Mark) Back(serverNow time.Time) (Mark, bool) {
	limit := serverNow.Add(Overlap)
	if !m.Start.After(limit) && !m.Newest.After(limit) {
		return m, false
	}
	return Mark{Start: serverNow.Add(-Overlap).UTC()}, true
}
