package ledger

import (
	"context"
	"time"

	"seatrial/bridge/forge"
)

// MostUnenrolled is how many repositories that are not enrolled are remembered; the one
// that was quiet for longest is forgotten.
const MostUnenrolled = 1000

// Unenrolled remembers repositories whose signed hooks came although they are not
// enrolled: somebody expects answers there, or an enrolment has an old name.
type Unenrolled interface {
	// SeeUnenrolled records that a hook of a repository came at a time.
	SeeUnenrolled(ctx context.Context, repo forge.Repo, at time.Time) error
	// Unenrolled returns them, the one whose hook came last first. One that was enrolled
	// since is still among them.
	Unenrolled(ctx context.Context) ([]UnenrolledRepo, error)
}

// UnenrolledRepo is a repository that is not enrolled, and when its hooks came.
type UnenrolledRepo struct {
	Repo  forge.Repo
	First time.Time
	Last  time.Time
}
