// Package forge holds the nouns of a code forge: repositories, pull requests,
// comments, statuses.
//
// They are what the rest of the program speaks; gitea/ and its siblings turn a
// forge's own protocol into them. Everything here is a value. What each part of
// the program asks of a forge is declared by that part, in one to three methods.
//
// Text from a forge (names, branches, titles, comments) is written by strangers:
// whoever shows it escapes it, and nobody gives it to a shell.
package forge

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Errors that callers decide by. Adapters wrap them; anything else that goes
// wrong with a forge is worth another try later.
var (
	// ErrNotFound: the forge answered, and there is no such thing, or none that our token may see.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: the forge answered that our token may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthorized: the forge does not accept our token.
	ErrUnauthorized = errors.New("the token was not accepted")
)

// Person is somebody with an account. The number stays when the login changes.
type Person struct {
	ID    int64
	Login string
}

// Repo names a repository of one forge. Two are the same when they are equal;
// adapters spell owner and name as the forge does.
type Repo struct {
	Forge string // the forge's id in our configuration, such as "gitea"
	Owner string
	Name  string
}

// String is owner/name.
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// ParseRepo reads owner/name.
func ParseRepo(forge, s string) (Repo, error) {
	owner, name, ok := strings.Cut(s, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(name, "/ ") {
		return Repo{}, fmt.Errorf("%q is not a repository: write owner/name", s)
	}
	return Repo{Forge: forge, Owner: owner, Name: name}, nil
}

// Comment is a plain comment on a pull request (not a review).
type Comment struct {
	Repo    Repo
	Pull    int
	ID      int64 // unique within the forge, and ascending
	Author  Person
	Body    string
	Created time.Time
	Updated time.Time // equal to Created until the comment is edited
	URL     string
}

// Edited says whether somebody, not necessarily its author, has changed the comment.
func (c Comment) Edited() bool { return !c.Updated.Equal(c.Created) }

// PullRequest is one as it is now.
type PullRequest struct {
	Repo       Repo
	Number     int
	Title      string
	Author     Person
	Open       bool
	Merged     bool
	Head       string // full commit hash
	HeadRef    string // what to fetch from Repo so that Head arrives, also when the fork is gone
	HeadBranch string
	HeadRepo   string // owner/name of where it comes from; empty when that is gone
	Base       string // branch
	CloneURL   string // of Repo, not of the fork
	URL        string
	Draft      bool
	Locked     bool // nobody but who may write to Repo may comment
	Private    bool // Repo is not for everybody to read
}

// Branch is one as it is now.
type Branch struct {
	Repo     Repo
	Name     string
	Head     string // full commit hash; empty for an empty repository
	CloneURL string
	URL      string // its page
	Private  bool   // Repo is not for everybody to read
}

// Issue is a plain issue.
type Issue struct {
	Repo   Repo
	Number int
	Title  string
	Body   string
	Open   bool
	URL    string
}

// Push is an entry of a pull request's timeline: its head changed.
type Push struct {
	ID     int64 // of the same sequence as comments, so that their order is known within a second; 0 where the forge has none such
	At     time.Time
	Before string // the head before, where the forge says it; else empty
	After  string // the head after; empty where the forge does not say it
}

// StatusState is the state of a commit status.
type StatusState string

// The states that we set.
const (
	StatusPending StatusState = "pending"
	StatusSuccess StatusState = "success"
	StatusFailure StatusState = "failure"
	StatusError   StatusState = "error"
)

// Status is a commit status. The one with the latest post for a context counts.
type Status struct {
	State       StatusState
	Context     string
	Description string // at most 140 characters, the least that any forge takes
	TargetURL   string
	// Details are for forges that show more than a line; others leave them out. nil: none.
	Details *Details
}

// Details are what a status says at length.
type Details struct {
	Summary string // Markdown
	Notes   []Note
}

// Note is one thing about a file, or about none.
type Note struct {
	Path  string // in the repository; empty where it is about no file
	Line  int    // from 1; 0 where it is about no line
	Level NoteLevel
	Title string
	Text  string
}

// NoteLevel is how grave a note is.
type NoteLevel string

// The levels, as GitHub has them.
const (
	LevelNotice  NoteLevel = "notice"
	LevelWarning NoteLevel = "warning"
	LevelFailure NoteLevel = "failure"
)

// Ability is one thing that our account must, or had better, be able to do.
type Ability struct {
	Name  string // in a few words: "read the members of coop"
	State AbilityState
	Why   string // what was seen, one sentence in plain text
	Next  string // what to do about it; empty where nothing is to be done
}

// AbilityState is how it stands with an ability.
type AbilityState string

// The states of an ability.
const (
	AbilityThere   AbilityState = "ok"
	AbilityWeak    AbilityState = "warning" // things work, but less well
	AbilityMissing AbilityState = "missing" // things do not work
	AbilityUnknown AbilityState = "unknown" // it could not be found out
)

// Sentence is an error as one, for an ability's Why.
func Sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimRight(text[size:], ".") + "."
}

// Budget is what a forge lets us ask until a time. The zero value: it sets no limit,
// or has not told it yet.
type Budget struct {
	Limit int
	Left  int
	Reset time.Time
}

// Tree is a commit on a branch and the git tree that it holds.
type Tree struct {
	Commit string
	Tree   string
	At     time.Time
}

// Reactions that we use.
const (
	ReactionEyes = "eyes"
)

// Cursor says how far a feed was read. It is the adapter's own text; the empty
// one means "from now on".
type Cursor string
