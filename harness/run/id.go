package run

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// ID names one run. It is a ULID in lower case: sortable by the time at which
// the run was asked for, safe in paths, URLs, labels and host names.
type ID string

// NewID returns a fresh ID for a run asked for at the given time.
func NewID(at time.Time) ID {
	return ID(strings.ToLower(ulid.MustNew(ulid.Timestamp(at), rand.Reader).String()))
}

// ParseID checks that s has the form of an ID. Upper case is accepted, because
// people copy identifiers from elsewhere.
func ParseID(s string) (ID, error) {
	if _, err := ulid.ParseStrict(s); err != nil {
		return "", fmt.Errorf("%q is not a run's ID: an ID has 26 letters and digits, like 01k9zq3v8e2m4n6p8r0t2v4x6y", s)
	}
	return ID(strings.ToLower(s)), nil
}

// Time is when the run was asked for, to the millisecond. It is zero for an ID that
// ParseID would refuse.
func (id ID) Time() time.Time {
	parsed, err := ulid.ParseStrict(string(id))
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(parsed.Time())
}

// labelPrefix is how much of the recipe's name shows in a subdomain.
const labelPrefix = 4

// Label is the subdomain of the run's app: the first letters of the recipe and
// six hexadecimal digits that depend on the run alone, so that two runs of the
// same commit do not collide. Whoever makes an ID draws another while its label
// is in use.
func (id ID) Label(recipe string) string {
	var prefix strings.Builder
	for _, r := range strings.ToLower(recipe) {
		if prefix.Len() == labelPrefix {
			break
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && prefix.Len() > 0 {
			prefix.WriteRune(r)
		}
	}
	if prefix.Len() == 0 {
		prefix.WriteString("app")
	}
	sum := sha256.Sum256([]byte(id))
	return prefix.String() + "-" + hex.EncodeToString(sum[:3])
}
