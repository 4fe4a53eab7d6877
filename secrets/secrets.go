// Package secrets holds values that must not be shown, and reads them from where
// the operator keeps them.
//
// A Value prints as <redacted> in every verb, in JSON and in logs; the one way to
// the text is Reveal, so that every use of it can be found by name. Files are read again
// when they are replaced; what cannot be used never takes the place of what is in use.
// The package puts no value into an error or a log.
package secrets

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Redacted stands for every value.
const Redacted = "<redacted>"

// Value is a secret. The zero value is an empty one. Compare two with Equal.
type Value struct {
	_ [0]func() // not comparable: == would compare addresses
	// A pointer, because printers that meet a Value in a field that is not exported
	// look into it without asking its methods, and an address tells nothing.
	text *string
}

// New wraps a text.
func New(text string) Value { return Value{text: &text} }

// Reveal is the text itself.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Empty says that there is no text.
func (v Value) Empty() bool { return v.Reveal() == "" }

// Equal compares in constant time.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// String hides the text.
func (v Value) String() string { return Redacted }

// Format hides the text from every verb, also %#v.
func (v Value) Format(f fmt.State, _ rune) { fmt.Fprint(f, Redacted) }

// MarshalText hides the text from JSON and its kin.
func (v Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue hides the text from slog.
func (v Value) LogValue() slog.Value { return slog.StringValue(Redacted) }
