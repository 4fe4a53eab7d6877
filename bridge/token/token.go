// Package token keeps the tokens that an operator gives out: to programs that ask for
// runs, and to the webhooks of single repositories.
//
// A token is shown once, when it is made; what is kept is its SHA-256, which is enough,
// because a token has 130 random bits. The file is its owner's alone, is replaced as a
// whole, and is read again when it has changed, so that a server needs no restart.
package token

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"seatrial/bridge/forge"
	"seatrial/internal/lazyregexp"
)

// Kind is what a token is for.
type Kind string

// The kinds.
const (
	API  Kind = "api"  // asks for runs
	Hook Kind = "hook" // stands in the address of one repository's webhook
)

// Token is what is known of one. The token itself is not.
type Token struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Repos are globs over owner/name, of which one must match, without regard to case;
	// none: every repository. A hook's has one, which is a name.
	Repos []string `json:"repos,omitempty"`
	// Forge is the forge's id; empty: any.
	Forge   string    `json:"forge,omitempty"`
	Hash    string    `json:"sha256,omitempty"` // hexadecimal
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// Errors that callers decide by.
var (
	ErrTaken   = errors.New("there is a token of this name already")
	ErrUnknown = errors.New("there is no token of this name")
)

var plainName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_./@-]{0,99}$`)

// Check says what is wrong with a token that is to be made.
func (t Token) Check() error {
	if !plainName.MatchString(t.Name) {
		return fmt.Errorf("%q cannot be a token's name: it is up to 100 letters, digits, ., _, /, @ and -", t.Name)
	}
	for _, glob := range t.Repos {
		if !doublestar.ValidatePattern(glob) || strings.Count(glob, "/") != 1 && glob != "**" {
			return fmt.Errorf("%q does not stand for repositories: write owner/name, and * for what may be anything, as in acme/*", glob)
		}
	}
	return nil
}

// Allows says whether the token is for a repository.
func (t Token) Allows(repo forge.Repo) bool {
	if t.Forge != "" && t.Forge != repo.Forge {
		return false
	}
	for _, glob := range t.Repos {
		if ok, err := doublestar.Match(strings.ToLower(glob), strings.ToLower(repo.String())); ok && err == nil {
			return true
		}
	}
	return len(t.Repos) == 0
}

// Expired says whether the token's time is over.
func (t Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// hashOf is by what a token is known.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
