package run

import (
	"strings"
	"time"
)

// Request is what was accepted: to test one recipe at one commit. It is written
// once and never changed. It names a commit, not a branch: that commit is what
// the asker consented to.
type Request struct {
	ID      ID        `json:"id"`
	Recipe  string    `json:"recipe"` // the enrolment's name: its folder under tests/
	Code    Code      `json:"code"`
	AskedBy Person    `json:"asked_by"`
	AskedAt time.Time `json:"asked_at"`

	// Limit is how long the run may take, counted from the moment a slot is
	// taken. Silence is how long it may show no progress at all.
	Limit   time.Duration `json:"limit"`
	Silence time.Duration `json:"silence"`

	Needs   []string `json:"needs,omitempty"` // capabilities that the node must offer
	Trusted bool     `json:"trusted"`         // the operator trusts the code: no isolation is asked for

	// Via is how it was asked for; empty means by a comment.
	Via Via `json:"via,omitempty"`
	// Flavor is the asker's own label for an operator's builder; empty: the enrolment's.
	Flavor string `json:"flavor,omitempty"`
	// Secrets says that whoever asked may let the code use what an operator's builder
	// keeps secret. Nothing of ours is ever given to code.
	Secrets bool `json:"secrets,omitempty"`

	// From overrides the published version to upgrade from: a tag.
	From string `json:"from,omitempty"`
	// Only limits the run to one stage and what that stage needs.
	Only Stage `json:"only,omitempty"`
}

// Via is a way to ask for a run.
type Via string

// The ways besides a comment.
const (
	ViaAPI        Via = "api"         // POST /api/v1/run, and seatrial ask
	ViaHook       Via = "hook"        // POST /hook with a repository's token
	ViaSchedule   Via = "schedule"    // a recipe's default branch, again and again
	ViaMergeGroup Via = "merge-group" // a group of pull requests about to be merged
)

// Code says where the recipe's code lies.
type Code struct {
	Forge  string `json:"forge,omitempty"`  // the forge's id in the configuration
	Repo   string `json:"repo,omitempty"`   // owner/name
	URL    string `json:"url,omitempty"`    // what git fetches; or a folder, for a run without a forge
	Pull   int    `json:"pull,omitempty"`   // the pull request's number; 0 for none
	Ref    string `json:"ref,omitempty"`    // what to fetch so that Commit arrives: refs/pull/N/head
	Commit string `json:"commit,omitempty"` // the full hash; empty only for a work tree
	Base   string `json:"base,omitempty"`   // the branch that the pull request wants to change
	Link   string `json:"link,omitempty"`   // the pull request's page

	// Private says that the repository is not for everybody to read: it is fetched from a
	// copy that the bridge made.
	Private bool `json:"private,omitempty"`
	// WorkTree says that the files of the folder at URL are tested as they lie
	// there, committed or not.
	WorkTree bool `json:"work_tree,omitempty"`
}

// ShortCommit is the commit as people write it, or "work tree".
func (c Code) ShortCommit() string {
	if c.WorkTree {
		return "work tree"
	}
	return ShortHash(c.Commit)
}

// ShortHash shortens a git hash to the ten digits that this program shows. What is
// none, such as a branch that somebody typed, stays as it is.
func ShortHash(hash string) string {
	const digits = 10
	if len(hash) <= digits || strings.Trim(hash, "0123456789abcdef") != "" {
		return hash
	}
	return hash[:digits]
}

// Person is somebody known to a forge. The number stays when the login changes.
type Person struct {
	Login string `json:"login"`
	ID    int64  `json:"id,omitempty"`
}

// Default limits; an enrolment may raise both.
const (
	DefaultLimit   = 60 * time.Minute
	DefaultSilence = 20 * time.Minute
	// TeardownBudget is how long a run may take to remove what it made, after
	// its limit.
	TeardownBudget = 5 * time.Minute
)

// Lease is a right to a slot until a time. Expires is stamped once, when the
// slot is taken, and is never extended; every object that the run makes carries it.
type Lease struct {
	Slot    int       `json:"slot"`
	Expires time.Time `json:"expires"`
}

// Labels are put on every object before it is made, so that anybody who finds
// it knows whose it is and when it may be destroyed.
type Labels struct {
	Instance string    `json:"instance"` // the installation of this program that made it
	Run      ID        `json:"run"`
	Attempt  int       `json:"attempt"`
	Expires  time.Time `json:"expires"`
}
