package app

import (
	"bytes"
	"strings"
)

// longLine is where a line of an app is cut into several.
const longLine = 8 << 10

// Lines makes lines for people of what a program prints. It is a writer that never
// fails, and is not safe for concurrent use.
type Lines struct {
	Say  func(line string)
	rest []byte
}

// Write implements io.Writer.
func (l *Lines) Write(data []byte) (int, error) {
	l.rest = append(l.rest, data...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		switch {
		case i >= 0:
			l.line(l.rest[:i])
			l.rest = l.rest[i+1:]
		case len(l.rest) >= longLine:
			l.line(l.rest[:longLine])
			l.rest = l.rest[longLine:]
		default:
			return len(data), nil
		}
	}
}

func (l *Lines) line(raw []byte) {
	l.Say(strings.ToValidUTF8(strings.TrimRight(string(raw), "\r"), "\uFFFD"))
}

// Flush says what is left: a line without an end.
func (l *Lines) Flush() {
	if len(l.rest) > 0 {
		l.line(l.rest)
		l.rest = nil
	}
}
