// Package forgetest has a forge for tests and demonstrations, and the contract that a
// forge adapter must keep.
//
// Server is a small Gitea in memory: the routes of the API that we use, git over HTTP,
// webhooks, and plain pages for a person. Where it matters to us it behaves like Gitea
// 1.26, and the same contract runs against a real one (realgitea). With Options.Kind it
// speaks GitHub's protocol instead, held against recorded answers of the real one, and
// keeps the ledger of what each account has used of its limit. It scolds whoever misuses it,
// keeps a list of what it was asked, and can be told to fail. World is what tests and
// stories do to a forge, whichever it is. Server is no forge to keep anything on:
// there are no passwords, and whoever opens its pages may comment in anybody's name.
package forgetest

import (
	"seatrial/bridge/forge"
)

// ForgeID is the forge's id in the repositories of a World.
const ForgeID = "gitea"

// Access is what membership of an organisation allows in its repositories.
type Access string

// The kinds of access.
const (
	Read  Access = "read"
	Write Access = "write" // push, set statuses, edit the comments of others
)

// NewPull is a pull request to open.
type NewPull struct {
	Repo   forge.Repo
	Author string
	Title  string
	Body   string
	Branch string // in the author's fork; default: "change"
	Dir    string // a git repository on this machine that has the change
	Ref    string // what to propose; default: HEAD
}

// World is a forge together with the people on it. All that it takes are names of
// users, and git repositories in folders of this machine.
type World interface {
	// URL is the forge's address.
	URL() string

	AddUser(login string) (forge.Person, error)
	AddOrg(org string) error
	AddMember(org, login string, access Access) error
	RemoveMember(org, login string) error
	// AddTeam makes a team of people, some of whom may already be members.
	AddTeam(org, team string, logins ...string) error
	// Token makes an API token of a user.
	Token(login string) (string, error)

	// AddRepo makes a public repository with all branches and tags of the git repository
	// in dir; its current branch becomes the default one. The owner is an organisation.
	AddRepo(owner, name, dir string) (forge.Repo, error)
	// PushBranch pushes a ref of dir to a branch of the repository itself.
	PushBranch(r forge.Repo, branch, dir, ref string) error

	OpenPull(p NewPull) (number int, err error)
	// Push pushes (by force if needed) a ref of dir to a pull request's branch, and returns
	// the new head when the pull request and its timeline show it.
	Push(r forge.Repo, pull int, dir, ref string) (commit string, err error)
	ClosePull(r forge.Repo, pull int) error
	Merge(r forge.Repo, pull int) error
	// DeleteFork removes the repository that a pull request comes from.
	DeleteFork(r forge.Repo, pull int) error
	// AddIssue opens a plain issue; Comment works on it too.
	AddIssue(r forge.Repo, author, title string) (number int, err error)

	Comment(r forge.Repo, number int, author, body string) (id int64, err error)
	EditComment(r forge.Repo, id int64, editor, body string) error
	DeleteComment(r forge.Repo, id int64, by string) error

	// Comments lists a pull request's plain comments, oldest first.
	Comments(r forge.Repo, pull int) ([]forge.Comment, error)
	// Reactions lists the reactions to a comment.
	Reactions(r forge.Repo, id int64) ([]string, error)
	// Statuses lists a commit's statuses, newest first.
	Statuses(r forge.Repo, commit string) ([]forge.Status, error)
}
