package ledger

import (
	"context"
	"time"

	"seatrial/bridge/forge"
)

// MostStrangers is how many repositories that are not enrolled are remembered; the one
// that was quiet for longest is forgotten.
const MostStrangers = 1000

// Strangers remembers repositories whose signed hooks came although they are not
// enrolled: somebody expects answers there, or an enrolment has an old name.
type Strangers interface {
	// Stranger records that a hook of a repository came at a time.
	Stranger(ctx context.Context, repo forge.Repo, at time.Time) error
	// Strangers returns them, the one whose hook came last first. One that was enrolled
	// since is still among them.
	Strangers(ctx context.Context) ([]StrangerRepo, error)
}

// StrangerRepo is a repository that is not enrolled, and when its hooks came.
type StrangerRepo struct {
	Repo  forge.Repo
	First time.Time
	Last  time.Time
}
