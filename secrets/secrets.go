// Package secrets holds values that must not be shown, and reads them from where
// the operator keeps them.
//
// A Value prints as <redacted> in every verb, in JSON and in logs; the one way to
// the text is Reveal, so that every use of it can be found by name. The package
// never logs and never puts a value into an error.
package secrets

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
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

// FromFile reads a secret from a file. A final line break is dropped. An empty
// file is an error. The warning, if any, says that others may read the file.
func FromFile(path string) (v Value, warning string, err error) {
	info, err := os.Stat(path)
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return Value{}, "", fmt.Errorf("cannot read the secret in %s: %w", path, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if strings.TrimSpace(text) == "" {
		return Value{}, "", fmt.Errorf("cannot use the secret in %s: the file is empty", path)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		warning = fmt.Sprintf("%s can be read by others: chmod 600 %s", path, path)
	}
	return New(text), warning, nil
}

// Holder holds a secret that may be replaced while the program runs. It is safe
// for concurrent use.
type Holder struct {
	path  string
	check func(Value) error // nil: every value will do
	value atomic.Pointer[Value]
}

// Hold returns a holder of a value that does not come from a file.
func Hold(v Value) *Holder {
	h := &Holder{}
	h.value.Store(&v)
	return h
}

// HoldFile returns a holder of the secret in a file.
func HoldFile(path string) (h *Holder, warning string, err error) {
	v, warning, err := FromFile(path)
	if err != nil {
		return nil, "", err
	}
	h = Hold(v)
	h.path = path
	return h, warning, nil
}

// Require has the value checked, now and whenever the file was read again: one that
// does not pass never takes the place of another. Call it before the holder is shared.
func (h *Holder) Require(check func(Value) error) error {
	h.check = check
	return check(h.Get())
}

// Path is the file that it is read from; empty for none.
func (h *Holder) Path() string { return h.path }

// Get is the value as it is now.
func (h *Holder) Get() Value { return *h.value.Load() }

// Reload reads the file again and says whether the value changed. If it cannot be
// read, or is not as required, the old value stays.
func (h *Holder) Reload() (changed bool, err error) {
	if h.path == "" {
		return false, nil
	}
	v, _, err := FromFile(h.path)
	if err == nil && h.check != nil {
		err = h.check(v)
	}
	if err != nil {
		return false, err
	}
	old := h.value.Swap(&v)
	return !old.Equal(v), nil
}
