// Package exit says how the program ends: an error carries its exit code up to the
// command line, wherever it came up. docs/reference/exit-codes.md lists the codes.
// An error without a code is a fault of the program itself.
package exit

import "fmt"

// The codes. Those above 63 are sysexits(3)'s.
const (
	Pass          = 0
	Fail          = 1
	Unverified    = 2
	Usage         = 64 // wrong use of the command line
	Unavailable   = 69 // something outside is unavailable: a port, a forge, a program
	Software      = 70 // our own fault
	Configuration = 78
)

// Error carries an exit code.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that carries the code.
func (e *Error) Unwrap() error { return e.Err }

// With gives an error its exit code; nil stays nil.
func With(code int, err error) error {
	if err == nil {
		return nil
	}
	return &Error{code, err}
}

// Errorf is With of fmt.Errorf.
func Errorf(code int, format string, args ...any) error {
	return With(code, fmt.Errorf(format, args...))
}
