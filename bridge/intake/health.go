package intake

import (
	"time"

	"seatrial/bridge/forge"
)

// Health is how it stands with the questions to one forge.
type Health struct {
	// Up: the latest question was answered, be it by a refusal or by asking us to wait.
	Up bool
	// Paused is until when the forge is left alone; the zero time if it is not.
	Paused time.Time
	// Repos is the age of the latest complete look at that enrolled repository which was
	// looked at longest ago. What was never looked at counts from the poller's start.
	Repos time.Duration
	// Org is the age of the latest complete answer about the whole organisation, if
	// that is asked for (HasOrg).
	Org    time.Duration
	HasOrg bool
}

// Health tells how it stands with a forge. Safe for concurrent use; it asks the forge
// nothing.
func (p *Poller) Health(forgeID string) Health {
	for _, s := range p.Sources {
		if s.Forge == forgeID {
			return p.paces[forgeID].health(s.Org != "", p.enrolled(s))
		}
	}
	return Health{}
}

func (p *pace) health(hasOrg bool, repos []forge.Repo) Health {
	paused := p.nextQuestion()
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	h := Health{Up: p.up, HasOrg: hasOrg}
	if paused.After(now) {
		h.Paused = paused
	}
	for _, repo := range repos {
		h.Repos = max(h.Repos, now.Sub(later(p.looked[repo], p.started)))
	}
	if hasOrg {
		h.Org = now.Sub(later(p.org, p.started))
	}
	return h
}
